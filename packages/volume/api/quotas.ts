// /os-quota-sets, /os-quota-class-sets and /limits: what a project may have, and what it has.
import { routesOf } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { defaultQuota, type Limits, quotaOf, resetQuota, setQuota, usageOf } from "../quotas.ts";
import { isTrue, quotaBody } from "./schemas.ts";

const route = routesOf<VolumeDeps>();
const path = "/os-quota-sets/:target_id";

const show = route({
  method: "GET",
  path,
  policy: "volume_extension:quotas:show",
  success: 200,
  summary: "Shows a project's quota, with `usage=true` also what it has.",
  async handle(request, { store }) {
    const id = request.params["target_id"]!;
    if (id !== request.context.projectId) request.demand("volume_extension:quotas:update");
    const limits = await quotaOf(store.read, id);
    // A route without a schema has the query as it came.
    const { usage } = request.query as { readonly usage?: unknown };
    if (typeof usage !== "string" || !isTrue(usage)) return { quota_set: { id, ...limits } };
    return { quota_set: { id, ...withUsage(limits, await usageOf(store.read, id)) } };
  },
});

const showDefaults = route({
  method: "GET",
  path: `${path}/defaults`,
  policy: "volume_extension:quotas:show",
  success: 200,
  summary: "Shows the quota of projects that have none of their own.",
  async handle({ params }, { store }) {
    return { quota_set: { id: params["target_id"], ...(await defaultQuota(store.read)) } };
  },
});

const update = route({
  method: "PUT",
  path,
  policy: "volume_extension:quotas:update",
  body: quotaBody,
  success: 200,
  summary: "Changes a project's quota.",
  async handle({ params, body }, { store }) {
    const limits = limitsIn(body.quota_set);
    return await store.transaction(async (tx) => {
      await setQuota(tx, params["target_id"]!, limits);
      return { quota_set: await quotaOf(tx, params["target_id"]!) };
    });
  },
});

const remove = route({
  method: "DELETE",
  path,
  policy: "volume_extension:quotas:delete",
  success: 200,
  summary: "Takes a project's own quota away; the defaults count again.",
  async handle({ params }, { store }) {
    await store.transaction((tx) => resetQuota(tx, params["target_id"]!));
  },
});

const showClass = route({
  method: "GET",
  path: "/os-quota-class-sets/:class_name",
  policy: "volume_extension:quota_classes:get",
  success: 200,
  summary: "Shows the default quota under its older name.",
  async handle({ params }, { store }) {
    return { quota_class_set: { id: params["class_name"], ...(await defaultQuota(store.read)) } };
  },
});

const limits = route({
  method: "GET",
  path: "/limits",
  policy: "limits_extension:used_limits",
  success: 200,
  summary: "Shows the limits of the caller's project and what it has.",
  async handle({ context, query }, { store }) {
    // A route without a schema has the query as it came; another project's limits are for administrators.
    const { project_id } = query as { readonly project_id?: unknown };
    const asked = typeof project_id === "string" && context.isAdmin ? project_id : context.projectId;
    const quota = await quotaOf(store.read, asked ?? "");
    const usage = await usageOf(store.read, asked ?? "");
    return { limits: { rate: [], absolute: absoluteLimits(quota, usage) } };
  },
});

export const quotaRoutes = [show, showDefaults, update, remove, showClass, limits];

function absoluteLimits(quota: Limits, usage: Limits): Record<string, number | undefined> {
  return {
    maxTotalVolumes: quota["volumes"],
    maxTotalVolumeGigabytes: quota["gigabytes"],
    maxTotalSnapshots: quota["snapshots"],
    maxTotalBackups: quota["backups"],
    maxTotalBackupGigabytes: quota["backup_gigabytes"],
    totalVolumesUsed: usage["volumes"],
    totalGigabytesUsed: usage["gigabytes"],
    totalSnapshotsUsed: 0,
    totalBackupsUsed: 0,
    totalBackupGigabytesUsed: 0,
  };
}

function withUsage(quota: Limits, usage: Limits): Record<string, object> {
  const entries = Object.entries(quota).map(([resource, limit]) => {
    return [resource, { limit, in_use: usage[resource] ?? 0, reserved: 0 }] as const;
  });
  return Object.fromEntries(entries);
}

function limitsIn(set: Readonly<Record<string, unknown>>): Limits {
  // Clients send back what they were shown, the project's id included.
  const { tenant_id: _tenant, id: _id, force: _force, ...values } = set;
  const entries = Object.entries(values).map(([resource, value]) => {
    const limit = typeof value === "number" || typeof value === "string" ? Number(value) : Number.NaN;
    if (!Number.isInteger(limit) || limit < -1) throw errors.badQuotaValue(resource);
    return [resource, limit] as const;
  });
  return Object.fromEntries(entries);
}
