// Quotas: what a project may have. What it has is counted when asked, never kept beside the rows it counts,
// so that the two cannot drift apart.
import type { RequestContext } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { resourceErrors } from "./errors-resources.ts";

/**
 * Nova's defaults; -1 is without limit. The last four are only shown to old clients: the network service
 * limits them.
 */
const quotaDefaults = {
  instances: 10,
  cores: 20,
  ram: 51_200,
  metadata_items: 128,
  key_pairs: 100,
  server_groups: 10,
  server_group_members: 10,
  injected_files: 5,
  injected_file_content_bytes: 10_240,
  injected_file_path_bytes: 255,
  floating_ips: -1,
  fixed_ips: -1,
  security_groups: -1,
  security_group_rules: -1,
} as const;

export type QuotaResource = keyof typeof quotaDefaults;
export type Limits = Readonly<Record<QuotaResource, number>>;

/** Whose limits: a project's, or those of one of its users. */
export interface QuotaOwner {
  readonly projectId: string;
  readonly userId: string | null;
}

/** The limits of those who have none of their own. */
export async function defaultLimits(tx: Tx): Promise<Limits> {
  const rows = await tx.selectFrom("quota_classes").selectAll().execute();
  return overlaid(quotaDefaults, rows);
}

/** The limits that hold: the user's before the project's before the defaults. */
export async function limitsOf(tx: Tx, { projectId, userId }: QuotaOwner): Promise<Limits> {
  const rows = await tx
    .selectFrom("quotas")
    .selectAll()
    .where("project_id", "=", projectId)
    .where("user_id", "in", userId === null ? [""] : ["", userId])
    // The project's rows come first, so that the user's are laid over them.
    .orderBy("user_id")
    .execute();
  return overlaid(await defaultLimits(tx), rows);
}

export async function limitOf(tx: Tx, owner: QuotaOwner, resource: QuotaResource): Promise<number> {
  return (await limitsOf(tx, owner))[resource];
}

/** What the project (or one of its users) has of each counted resource; what is not counted is 0. */
export async function usageOf(tx: Tx, owner: QuotaOwner): Promise<Limits> {
  const servers = await serverUsage(tx, owner);
  let groups = tx
    .selectFrom("server_groups")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("project_id", "=", owner.projectId);
  if (owner.userId !== null) groups = groups.where("user_id", "=", owner.userId);
  const nothing = Object.fromEntries(Object.keys(quotaDefaults).map((resource) => [resource, 0]));
  const { count } = await groups.executeTakeFirstOrThrow();
  // Every resource stands in `nothing`.
  return { ...nothing, ...servers, server_groups: Number(count) } as unknown as Limits;
}

/** Sets limits; an administrator's `force` lets them fall below what is used. */
export async function setQuotas(
  tx: Tx,
  owner: QuotaOwner,
  wanted: Partial<Limits>,
  { force }: { readonly force: boolean },
): Promise<void> {
  const used = await usageOf(tx, owner);
  for (const [resource, hard_limit] of entries(wanted)) {
    if (!force && hard_limit >= 0 && hard_limit < used[resource]) {
      throw resourceErrors.quotaBelowUse(hard_limit, resource, used[resource]);
    }
    await tx
      .insertInto("quotas")
      .values({ project_id: owner.projectId, user_id: owner.userId ?? "", resource, hard_limit })
      .onConflict((conflict) =>
        conflict.columns(["project_id", "user_id", "resource"]).doUpdateSet({ hard_limit }),
      )
      .execute();
  }
}

/** Back to the defaults. Without a user, for the project and all its users. */
export async function resetQuotas(tx: Tx, { projectId, userId }: QuotaOwner): Promise<void> {
  const query = tx.deleteFrom("quotas").where("project_id", "=", projectId);
  await (userId === null ? query : query.where("user_id", "=", userId)).execute();
}

export async function setDefaultLimits(tx: Tx, wanted: Partial<Limits>): Promise<void> {
  for (const [resource, hard_limit] of entries(wanted)) {
    await tx
      .insertInto("quota_classes")
      .values({ resource, hard_limit })
      .onConflict((conflict) => conflict.column("resource").doUpdateSet({ hard_limit }))
      .execute();
  }
}

/** How many of the wanted servers fit, at least `min`; throws Nova's sentence when fewer do. */
export async function checkServerQuota(
  tx: Tx,
  context: RequestContext,
  wanted: { readonly min: number; readonly max: number; readonly cores: number; readonly ram: number },
): Promise<number> {
  const owner = { projectId: context.projectId ?? "", userId: null };
  const limits = await limitsOf(tx, owner);
  const perServer = { cores: wanted.cores, instances: 1, ram: wanted.ram } as const;
  const limited = serverResources.filter((resource) => limits[resource] >= 0);
  // Counting a large project takes longer than the rest of a boot: not done for nothing.
  if (limited.length === 0) return wanted.max;
  const used = await serverUsage(tx, owner);
  const room = (resource: ServerResource) =>
    perServer[resource] === 0
      ? wanted.max
      : Math.trunc((limits[resource] - used[resource]) / perServer[resource]);
  const count = Math.min(wanted.max, ...limited.map(room));
  if (count >= wanted.min) return count;
  const over = limited.filter((resource) => room(resource) < wanted.min);
  const list = (value: (resource: ServerResource) => unknown) => over.map(value).join(", ");
  throw errors.quotaExceeded(
    list((resource) => resource),
    list((resource) => perServer[resource] * wanted.min),
    list((resource) => used[resource]),
    list((resource) => limits[resource]),
  );
}

/** Whether a server may grow by so much; one that shrinks always may. */
export async function checkResizeQuota(
  tx: Tx,
  projectId: string,
  more: { readonly cores: number; readonly ram: number },
): Promise<void> {
  const owner = { projectId, userId: null };
  const limits = await limitsOf(tx, owner);
  const used = await serverUsage(tx, owner);
  const over = (["cores", "ram"] as const).filter(
    (resource) =>
      more[resource] > 0 && limits[resource] >= 0 && used[resource] + more[resource] > limits[resource],
  );
  if (over.length === 0) return;
  const list = (value: (resource: (typeof over)[number]) => unknown) => over.map(value).join(", ");
  throw errors.quotaExceeded(
    list((resource) => resource),
    list((resource) => more[resource]),
    list((resource) => used[resource]),
    list((resource) => limits[resource]),
  );
}

// In the order in which Nova lists them.
const serverResources = ["cores", "instances", "ram"] as const;
type ServerResource = (typeof serverResources)[number];

async function serverUsage(tx: Tx, owner: QuotaOwner): Promise<Readonly<Record<ServerResource, number>>> {
  let query = tx
    .selectFrom("servers")
    .select((row) => [
      row.fn.countAll<number>().as("instances"),
      row.fn.sum<number | null>("vcpus").as("cores"),
      row.fn.sum<number | null>("memory_mb").as("ram"),
    ])
    .where("project_id", "=", owner.projectId)
    .where("deleted_at", "is", null);
  if (owner.userId !== null) query = query.where("user_id", "=", owner.userId);
  const { instances, cores, ram } = await query.executeTakeFirstOrThrow();
  // PostgreSQL answers sums as text, and both engines a sum of nothing as null.
  return { instances: Number(instances), cores: Number(cores ?? 0), ram: Number(ram ?? 0) };
}

function overlaid(
  limits: Limits,
  rows: readonly { readonly resource: string; readonly hard_limit: number }[],
): Limits {
  return { ...limits, ...Object.fromEntries(rows.map((row) => [row.resource, row.hard_limit])) };
}

function entries(limits: Partial<Limits>): [QuotaResource, number][] {
  // Object.entries forgets the keys' type.
  return Object.entries(limits) as [QuotaResource, number][];
}
