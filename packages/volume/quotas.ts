// How much a project may have. Nothing is counted twice: usage is the rows themselves, counted in the
// transaction that adds to them.
import { sql, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { volumeTypes } from "./types.ts";

/** Cinder's defaults; -1 is without limit. */
const defaultLimits: Readonly<Record<string, number>> = {
  volumes: 10,
  snapshots: 10,
  gigabytes: 1000,
  per_volume_gigabytes: -1,
  backups: 10,
  backup_gigabytes: 1000,
  groups: 10,
};

/**
 * Resources that are also limited for each volume type, as `volumes_<type>`; without a limit unless one is
 * set.
 */
const limitedByType = ["volumes", "gigabytes", "snapshots"] as const;

export type Limits = Readonly<Record<string, number>>;

/** The defaults of every resource there is at the moment. */
export async function defaultQuota(tx: Tx): Promise<Limits> {
  const types = await tx.selectFrom("volume_types").select("name").orderBy("name").execute();
  const byType = types.flatMap(({ name }) =>
    limitedByType.map((resource) => [`${resource}_${name}`, -1] as const),
  );
  return { ...defaultLimits, ...Object.fromEntries(byType) };
}

export async function quotaOf(tx: Tx, projectId: string): Promise<Limits> {
  const set = await tx
    .selectFrom("volume_quotas")
    .select(["resource", "hard_limit"])
    .where("project_id", "=", projectId)
    .execute();
  const defaults = await defaultQuota(tx);
  const own = set.filter(({ resource }) => Object.hasOwn(defaults, resource));
  return { ...defaults, ...Object.fromEntries(own.map((row) => [row.resource, row.hard_limit])) };
}

/** What the project has of each resource; of those that this cloud has not, nothing. */
export async function usageOf(tx: Tx, projectId: string): Promise<Limits> {
  const rows = await tx
    .selectFrom("volumes")
    .innerJoin("volume_types", "volume_types.id", "volumes.volume_type_id")
    .select(["volume_types.name as type"])
    .select((eb) => [
      eb.fn.countAll<number>().as("volumes"),
      sql<number>`sum(coalesce(new_size, size))`.as("gigabytes"),
    ])
    .where("volumes.project_id", "=", projectId)
    .groupBy("volume_types.name")
    .execute();
  const usage: Record<string, number> = { volumes: 0, gigabytes: 0 };
  for (const row of rows) {
    const [volumes, gigabytes] = [Number(row.volumes), Number(row.gigabytes)];
    usage["volumes"] = usage["volumes"]! + volumes;
    usage["gigabytes"] = usage["gigabytes"]! + gigabytes;
    usage[`volumes_${row.type}`] = volumes;
    usage[`gigabytes_${row.type}`] = gigabytes;
  }
  return usage;
}

/**
 * Throws when the project may not have so much more. Called before the rows are written, in their
 * transaction.
 */
export async function requireQuota(
  tx: Tx,
  projectId: string,
  more: {
    readonly volumes: number;
    readonly gigabytes: number;
    readonly size: number;
    readonly typeId: string;
  },
): Promise<void> {
  await passGate(tx, projectId);
  const limits = await quotaOf(tx, projectId);
  const usage = await usageOf(tx, projectId);
  const { name } = await volumeTypes.byId(tx, more.typeId);
  const limitOf = (resource: string) => limits[resource] ?? -1;
  const exceeds = (resource: string, by: number) =>
    limitOf(resource) >= 0 && by > 0 && (usage[resource] ?? 0) + by > limitOf(resource);

  const sizeMax = limitOf("per_volume_gigabytes");
  if (sizeMax >= 0 && more.size > sizeMax) throw errors.volumeTooLarge(more.size, sizeMax);
  for (const resource of ["volumes", `volumes_${name}`]) {
    if (exceeds(resource, more.volumes)) throw errors.tooManyVolumes(limitOf(resource));
  }
  for (const resource of ["gigabytes", `gigabytes_${name}`]) {
    if (!exceeds(resource, more.gigabytes)) continue;
    throw errors.tooManyGigabytes(more.gigabytes, limitOf(resource), usage[resource] ?? 0);
  }
}

/**
 * Two transactions that check one project's quota wait for each other, on engines that would let them
 * overlap.
 */
async function passGate(tx: Tx, projectId: string): Promise<void> {
  await tx
    .insertInto("volume_quota_gates")
    .values({ project_id: projectId, checks: 1 })
    .onConflict((conflict) =>
      conflict.column("project_id").doUpdateSet({ checks: sql`volume_quota_gates.checks + 1` }),
    )
    .execute();
}

export async function setQuota(tx: Tx, projectId: string, limits: Limits): Promise<void> {
  const known = await defaultQuota(tx);
  const unknown = Object.keys(limits).filter((resource) => !Object.hasOwn(known, resource));
  if (unknown.length > 0) throw errors.badQuota(unknown.join(","));
  for (const [resource, hard_limit] of Object.entries(limits)) {
    await tx
      .insertInto("volume_quotas")
      .values({ project_id: projectId, resource, hard_limit })
      .onConflict((conflict) => conflict.columns(["project_id", "resource"]).doUpdateSet({ hard_limit }))
      .execute();
  }
}

export async function resetQuota(tx: Tx, projectId: string): Promise<void> {
  await tx.deleteFrom("volume_quotas").where("project_id", "=", projectId).execute();
}
