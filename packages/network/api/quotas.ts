// /v2.0/quotas
import { type ApiContext, routesOf, Type } from "@micronova/http";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { defaultQuota, quotaOf, resetQuota, setQuota, usageOf } from "../quotas.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/quotas";
const one = `${collection}/:quota_project_id`;

function mayRead(context: ApiContext, projectId: string): void {
  if (!context.isAdmin && context.projectId !== projectId) throw errors.notAllowed("get_quota");
}

const list = route({
  method: "GET",
  path: collection,
  policy: "update_quota",
  success: 200,
  summary: "Lists the projects that have limits of their own.",
  async handle(_request, { store }) {
    const rows = await store.read.selectFrom("network_quotas").select("project_id").distinct().execute();
    const quotas = [];
    for (const { project_id } of rows) {
      quotas.push({ project_id, tenant_id: project_id, ...(await quotaOf(store.read, project_id)) });
    }
    return { quotas };
  },
});

const show = route({
  method: "GET",
  path: one,
  policy: "get_quota",
  success: 200,
  summary: "Shows a project's limits.",
  async handle({ context, params }, { store }) {
    mayRead(context, params["quota_project_id"]!);
    return { quota: await quotaOf(store.read, params["quota_project_id"]!) };
  },
});

const showDefault = route({
  method: "GET",
  path: `${one}/default`,
  policy: "get_quota",
  success: 200,
  summary: "Shows the limits of projects that have none of their own.",
  async handle() {
    return { quota: defaultQuota };
  },
});

const details = route({
  method: "GET",
  path: `${one}/details.json`,
  policy: "get_quota",
  success: 200,
  summary: "Shows a project's limits and what it has.",
  handle: ({ context, params }, { store }) => detailsOf(context, params["quota_project_id"]!, { store }),
});

const detailsPlain = route({
  method: "GET",
  path: `${one}/details`,
  policy: "get_quota",
  success: 200,
  summary: "Shows a project's limits and what it has.",
  handle: ({ context, params }, { store }) => detailsOf(context, params["quota_project_id"]!, { store }),
});

const update = route({
  method: "PUT",
  path: one,
  policy: "update_quota",
  body: Type.Object({ quota: Type.Record(Type.String(), Type.Unknown()) }),
  success: 200,
  summary: "Changes a project's limits.",
  async handle({ params, body }, { store }) {
    const limits = limitsIn(body.quota);
    return store.transaction(async (tx) => {
      await setQuota(tx, params["quota_project_id"]!, limits);
      return { quota: await quotaOf(tx, params["quota_project_id"]!) };
    });
  },
});

const remove = route({
  method: "DELETE",
  path: one,
  policy: "update_quota",
  success: 204,
  summary: "Takes a project's own limits away; the defaults count again.",
  async handle({ params }, { store }) {
    await store.transaction((tx) => resetQuota(tx, params["quota_project_id"]!));
  },
});

export const quotaRoutes = [list, show, showDefault, details, detailsPlain, update, remove];

async function detailsOf(context: ApiContext, projectId: string, { store }: Pick<NetworkDeps, "store">) {
  mayRead(context, projectId);
  const limits = await quotaOf(store.read, projectId);
  const usage = await usageOf(store.read, projectId);
  const entries = Object.entries(limits).map(([resource, limit]) => {
    return [resource, { limit, used: usage[resource] ?? 0, reserved: 0 }];
  });
  return { quota: Object.fromEntries(entries) };
}

function limitsIn(quota: Readonly<Record<string, unknown>>): Record<string, number> {
  const entries = Object.entries(quota).filter(
    ([key]) => key !== "tenant_id" && key !== "project_id" && key !== "force",
  );
  return Object.fromEntries(
    entries.map(([resource, value]) => {
      if (!Object.hasOwn(defaultQuota, resource)) {
        throw errors.badRequest(`Unrecognized attribute(s) '${resource}'`);
      }
      const limit = typeof value === "number" || typeof value === "string" ? Number(value) : Number.NaN;
      if (!Number.isInteger(limit) || limit < -1) throw errors.badQuota(resource);
      return [resource, limit];
    }),
  );
}
