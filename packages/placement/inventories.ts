// Inventories: how much of each class a provider has. What is used of it is summed from the allocations.
import { sql, type Tx } from "@micronova/store";
import { placementErrors } from "./errors.ts";
import { getProvider, raiseGeneration } from "./providers.ts";

export interface Inventory {
  readonly total: number;
  readonly reserved: number;
  readonly min_unit: number;
  readonly max_unit: number;
  readonly step_size: number;
  readonly allocation_ratio: number;
}

/** An inventory with what is used of it. */
export interface Usage extends Inventory {
  readonly used: number;
}

export type Inventories = Readonly<Record<string, Inventory>>;

/** Placement's largest amount; also the default of `max_unit`. */
export const amountMax = 2_147_483_647;

export const inventoryDefaults = {
  reserved: 0,
  min_unit: 1,
  max_unit: amountMax,
  step_size: 1,
  allocation_ratio: 1,
} as const;

/** How much may be allocated in all. */
export function capacityOf({ total, reserved, allocation_ratio }: Inventory): number {
  return Math.trunc((total - reserved) * allocation_ratio);
}

/**
 * Makes the provider's inventories what is given. Writes nothing when they are so already, as with a host
 * that reports what it reported before. A class that is in use is kept even when it is no longer given.
 */
export async function setInventories(tx: Tx, providerId: string, wanted: Inventories): Promise<void> {
  const current = (await usages(tx, [providerId])).get(providerId) ?? {};
  const changed = Object.entries(wanted).filter(([name, inventory]) => !isSame(current[name], inventory));
  const gone = Object.keys(current).filter(
    (name) => !Object.hasOwn(wanted, name) && current[name]!.used === 0,
  );
  if (changed.length === 0 && gone.length === 0) return;
  if ((await raiseGeneration(tx, providerId)) === null) throw placementErrors.providerNotFound(providerId);
  for (const [name, inventory] of changed) await putInventory(tx, providerId, name, inventory);
  for (const name of gone) await dropInventory(tx, providerId, name);
}

/** As `setInventories`, and refuses to take away what is in use. The caller has raised the generation. */
export async function replaceInventories(tx: Tx, providerId: string, wanted: Inventories): Promise<void> {
  const current = await inventoriesOf(tx, providerId);
  for (const [name, inventory] of Object.entries(wanted)) await putInventory(tx, providerId, name, inventory);
  for (const name of Object.keys(current)) {
    if (!Object.hasOwn(wanted, name)) await removeInventory(tx, providerId, name);
  }
}

export async function putInventory(
  tx: Tx,
  providerId: string,
  resourceClass: string,
  { total, reserved, min_unit, max_unit, step_size, allocation_ratio }: Inventory,
): Promise<void> {
  if (reserved > total) throw placementErrors.inventoryReserved(resourceClass, providerId);
  const values = { total, reserved, min_unit, max_unit, step_size, allocation_ratio };
  await tx
    .insertInto("inventories")
    .values({ provider_id: providerId, resource_class: resourceClass, ...values })
    .onConflict((conflict) => conflict.columns(["provider_id", "resource_class"]).doUpdateSet(values))
    .execute();
}

/** Takes an inventory away unless something of it is allocated. */
export async function removeInventory(tx: Tx, providerId: string, resourceClass: string): Promise<void> {
  if (await dropInventory(tx, providerId, resourceClass)) return;
  const current = await inventoriesOf(tx, providerId);
  if (!Object.hasOwn(current, resourceClass)) {
    throw placementErrors.inventoryNotFound(resourceClass, providerId);
  }
  throw placementErrors.inventoryInUse(resourceClass, providerId);
}

export async function inventoriesOf(tx: Tx, providerId: string): Promise<Inventories> {
  const rows = await tx
    .selectFrom("inventories")
    .selectAll()
    .where("provider_id", "=", providerId)
    .orderBy("resource_class")
    .execute();
  return Object.fromEntries(
    rows.map(({ provider_id: _, resource_class, ...inventory }) => [resource_class, inventory]),
  );
}

/** What providers have and have given away, by provider and class; of all providers when none are named. */
export async function usages(
  tx: Tx,
  providerIds?: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, Usage>>>> {
  if (providerIds?.length === 0) return new Map();
  let query = tx
    .selectFrom("inventories as inventory")
    .leftJoin("allocations as allocation", (join) =>
      join
        .onRef("allocation.provider_id", "=", "inventory.provider_id")
        .onRef("allocation.resource_class", "=", "inventory.resource_class"),
    )
    .selectAll("inventory")
    .select(sql<number>`CAST(COALESCE(SUM(allocation.used), 0) AS BIGINT)`.as("used"))
    .groupBy(["inventory.provider_id", "inventory.resource_class"]);
  if (providerIds !== undefined) query = query.where("inventory.provider_id", "in", providerIds);
  const byProvider = new Map<string, Record<string, Usage>>();
  for (const { provider_id, resource_class, ...usage } of await query.execute()) {
    const classes = byProvider.get(provider_id) ?? {};
    classes[resource_class] = usage;
    byProvider.set(provider_id, classes);
  }
  return byProvider;
}

/** What is used of each of a provider's classes. */
export async function usageOf(tx: Tx, providerId: string): Promise<Readonly<Record<string, number>>> {
  await getProvider(tx, providerId);
  const classes = (await usages(tx, [providerId])).get(providerId) ?? {};
  return Object.fromEntries(Object.entries(classes).map(([name, { used }]) => [name, used]));
}

/** Whether it was there and unused, and is gone now. */
async function dropInventory(tx: Tx, providerId: string, resourceClass: string): Promise<boolean> {
  const dropped = await tx
    .deleteFrom("inventories")
    .where("provider_id", "=", providerId)
    .where("resource_class", "=", resourceClass)
    .where(
      sql<boolean>`NOT EXISTS (SELECT 1 FROM allocations
        WHERE provider_id = ${providerId} AND resource_class = ${resourceClass})`,
    )
    .returning("resource_class")
    .executeTakeFirst();
  return dropped !== undefined;
}

function isSame(one: Inventory | undefined, other: Inventory): boolean {
  // `Object.keys` of the defaults and `total` are the inventory's fields.
  const fields = ["total", ...Object.keys(inventoryDefaults)] as (keyof Inventory)[];
  return one !== undefined && fields.every((field) => one[field] === other[field]);
}
