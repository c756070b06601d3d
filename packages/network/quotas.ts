// What a project may have: limits are rows, usage is counted in the transaction that adds to it.
import type { Tx } from "@micronova/store";
import { errors } from "./errors.ts";

/** Neutron's own defaults. -1 is no limit. */
export const defaultQuota: Readonly<Record<string, number>> = {
  network: 100,
  subnet: 100,
  subnetpool: -1,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
  rbac_policy: 10,
};

const counted = {
  network: "networks",
  subnet: "subnets",
  port: "ports",
  router: "routers",
  security_group: "security_groups",
  security_group_rule: "security_group_rules",
} as const;
export type CountedResource = keyof typeof counted;

export async function quotaOf(tx: Tx, projectId: string): Promise<Record<string, number>> {
  const rows = await tx
    .selectFrom("network_quotas")
    .selectAll()
    .where("project_id", "=", projectId)
    .execute();
  return { ...defaultQuota, ...Object.fromEntries(rows.map((row) => [row.resource, row.quota_limit])) };
}

export async function usageOf(tx: Tx, projectId: string): Promise<Record<string, number>> {
  const usage: Record<string, number> = {};
  for (const resource of Object.keys(defaultQuota)) {
    usage[resource] = isCounted(resource) ? await count(tx, projectId, resource) : 0;
  }
  return usage;
}

/** Call it after the rows are there: throws when they are too many. */
export async function checkQuota(tx: Tx, projectId: string, resource: CountedResource): Promise<void> {
  const own = await tx
    .selectFrom("network_quotas")
    .select("quota_limit")
    .where("project_id", "=", projectId)
    .where("resource", "=", resource)
    .executeTakeFirst();
  const limit = own?.quota_limit ?? defaultQuota[resource]!;
  if (limit >= 0 && (await count(tx, projectId, resource)) > limit) throw errors.overQuota(resource);
}

export async function setQuota(
  tx: Tx,
  projectId: string,
  limits: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [resource, quota_limit] of Object.entries(limits)) {
    await tx
      .insertInto("network_quotas")
      .values({ project_id: projectId, resource, quota_limit })
      .onConflict((conflict) => conflict.columns(["project_id", "resource"]).doUpdateSet({ quota_limit }))
      .execute();
  }
}

export async function resetQuota(tx: Tx, projectId: string): Promise<void> {
  await tx.deleteFrom("network_quotas").where("project_id", "=", projectId).execute();
}

const isCounted = (resource: string): resource is CountedResource => Object.hasOwn(counted, resource);

async function count(tx: Tx, projectId: string, resource: CountedResource): Promise<number> {
  const row = await tx
    .selectFrom(counted[resource])
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("project_id", "=", projectId)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
