// Quotas of projects and users, and the class that holds for all others.
import { type ApiRequest, reply, routesOf } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import {
  defaultLimits,
  type Limits,
  limitsOf,
  type QuotaOwner,
  resetQuotas,
  setDefaultLimits,
  setQuotas,
  usageOf,
} from "../quotas.ts";
import { readBool } from "./schemas/parts.ts";
import { quotaQuery, updateQuotaBody, updateQuotaClassBody } from "./schemas/resources.ts";
import { emptyQuery } from "./schemas/servers.ts";
import { limitsOnlyView, quotaClassView, quotaDetailView } from "./views/quotas.ts";

const route = routesOf<ComputeDeps>();

const quotaSets = [
  route({
    method: "GET",
    path: "/os-quota-sets/:project_id",
    policy: "os_compute_api:authenticated",
    query: quotaQuery,
    success: 200,
    summary: "Shows a project's limits.",
    async handle(request, { store }) {
      const owner = ownerOf(request, "os_compute_api:os-quota-sets:show");
      const limits = await limitsOf(store.read, owner);
      return { quota_set: { id: owner.projectId, ...request.render(limitsOnlyView, limits) } };
    },
  }),
  route({
    method: "GET",
    path: "/os-quota-sets/:project_id/defaults",
    policy: "os_compute_api:os-quota-sets:defaults",
    success: 200,
    summary: "Shows the limits of a project that has none of its own.",
    async handle(request, { store }) {
      const limits = await defaultLimits(store.read);
      return {
        quota_set: { id: request.params["project_id"], ...request.render(limitsOnlyView, limits) },
      };
    },
  }),
  route({
    method: "GET",
    path: "/os-quota-sets/:project_id/detail",
    policy: "os_compute_api:authenticated",
    query: quotaQuery,
    success: 200,
    summary: "Shows a project's limits and what it uses of them.",
    async handle(request, { store }) {
      const owner = ownerOf(request, "os_compute_api:os-quota-sets:detail");
      const both = { limits: await limitsOf(store.read, owner), used: await usageOf(store.read, owner) };
      return { quota_set: { id: owner.projectId, ...request.render(quotaDetailView, both) } };
    },
  }),
  route({
    method: "PUT",
    path: "/os-quota-sets/:project_id",
    policy: "os_compute_api:os-quota-sets:update",
    query: quotaQuery,
    body: updateQuotaBody,
    success: 200,
    summary: "Sets limits of a project or of one of its users.",
    async handle(request, { store }) {
      const owner = ownerOf(request, "os_compute_api:os-quota-sets:update");
      const { force, ...wanted } = request.body.quota_set;
      const limits = await store.transaction(async (tx) => {
        await setQuotas(tx, owner, numbers(wanted), { force: readBool(force) ?? false });
        return limitsOf(tx, owner);
      });
      return { quota_set: request.render(limitsOnlyView, limits) };
    },
  }),
  route({
    method: "DELETE",
    path: "/os-quota-sets/:project_id",
    policy: "os_compute_api:os-quota-sets:delete",
    query: quotaQuery,
    success: 202,
    summary: "Gives a project or one of its users the default limits again.",
    async handle(request, { store }) {
      const owner = ownerOf(request, "os_compute_api:os-quota-sets:delete");
      await store.transaction((tx) => resetQuotas(tx, owner));
      return reply({ body: null });
    },
  }),
];

const quotaClasses = [
  route({
    method: "GET",
    path: "/os-quota-class-sets/:class",
    policy: "os_compute_api:os-quota-class-sets:show",
    query: emptyQuery,
    success: 200,
    summary: "Shows the limits of projects that have none of their own.",
    async handle(request, { store }) {
      const limits = request.render(quotaClassView, await defaultLimits(store.read));
      return { quota_class_set: { id: request.params["class"], ...limits } };
    },
  }),
  route({
    method: "PUT",
    path: "/os-quota-class-sets/:class",
    policy: "os_compute_api:os-quota-class-sets:update",
    body: updateQuotaClassBody,
    success: 200,
    summary: "Sets the limits of projects that have none of their own.",
    async handle(request, { store }) {
      const limits = await store.transaction(async (tx) => {
        await setDefaultLimits(tx, numbers(request.body.quota_class_set));
        return defaultLimits(tx);
      });
      return { quota_class_set: request.render(quotaClassView, limits) };
    },
  }),
];

export const quotaSetRoutes = [...quotaSets, ...quotaClasses];

/** Whose quotas the address and the query name. Those of other projects are for administrators. */
function ownerOf(request: ApiRequest<unknown, unknown>, rule: string): QuotaOwner {
  const projectId = request.params["project_id"]!;
  if (projectId !== request.context.projectId) request.demand(rule);
  // The schema says: an object of lists of texts.
  const { user_id } = request.query as { readonly user_id?: readonly string[] };
  return { projectId, userId: user_id?.at(-1) ?? null };
}

function numbers(given: Readonly<Record<string, string | number | undefined>>): Partial<Limits> {
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said.map(([resource, value]) => [resource, Number(value)]));
}
