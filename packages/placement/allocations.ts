// Allocations: what consumers hold of providers. A claim is one conditional statement: all of it fits, or
// none of it is written, however many claim at once.
import { now, sql, type Tx } from "@micronova/store";
import { placementErrors } from "./errors.ts";
import { findProvider, raiseGeneration } from "./providers.ts";
import type { ConsumerTable } from "./tables.ts";

/** Amounts by resource class. */
export type Amounts = Readonly<Record<string, number>>;

export interface Claim {
  readonly consumerId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly providerId: string;
  /** A class with the amount 0 is not claimed. */
  readonly resources: Amounts;
}

export type Consumer = ConsumerTable;

/** What a consumer holds, by provider. */
export type Holdings = Readonly<Record<string, { readonly resources: Amounts }>>;

/**
 * Takes the resources for the consumer if all of them fit, and says whether they did. What the consumer holds
 * of these classes there already is replaced, so a claim may be repeated.
 */
export async function claim(tx: Tx, wanted: Claim): Promise<boolean> {
  const { consumerId, projectId, userId, providerId } = wanted;
  // Holds the provider's row, so that engines which let transactions overlap let these claims follow one
  // another.
  if ((await raiseGeneration(tx, providerId)) === null) return false;
  if (!(await allocate(tx, consumerId, providerId, wanted.resources))) return false;
  // Who holds nothing is no consumer.
  if (Object.values(wanted.resources).every((amount) => amount === 0)) return true;
  await saveConsumer(tx, { consumerId, projectId, userId, consumerType: "INSTANCE" });
  return true;
}

/** Gives back everything the consumer holds; nothing is success. */
export async function unclaim(tx: Tx, consumerId: string): Promise<void> {
  const returned = await tx
    .deleteFrom("allocations")
    .where("consumer_id", "=", consumerId)
    .returning("provider_id")
    .execute();
  for (const id of new Set(returned.map((row) => row.provider_id))) await raiseGeneration(tx, id);
  await tx.deleteFrom("consumers").where("id", "=", consumerId).execute();
}

/**
 * Everything that `from` holds becomes what `to` holds, who held nothing; sums stay, so it always fits. Again
 * is no error.
 */
export async function transfer(
  tx: Tx,
  { from, to, consumerType }: { readonly from: string; readonly to: string; readonly consumerType: string },
): Promise<void> {
  const before = await findConsumer(tx, from);
  if (before === null) return;
  const moved = await tx
    .updateTable("allocations")
    .set({ consumer_id: to })
    .where("consumer_id", "=", from)
    .returning("provider_id")
    .execute();
  for (const id of new Set(moved.map((row) => row.provider_id))) await raiseGeneration(tx, id);
  await tx.deleteFrom("consumers").where("id", "=", from).execute();
  const { project_id: projectId, user_id: userId } = before;
  await saveConsumer(tx, { consumerId: to, projectId, userId, consumerType });
}

export interface ConsumerWrite {
  readonly consumerId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly consumerType: string;
}

export interface Rewrite extends ConsumerWrite {
  readonly holdings: Holdings;
  /** The consumer's generation as the writer saw it: null for a new one; undefined when it does not say. */
  readonly generation?: number | null;
}

/**
 * Makes what the consumer holds exactly this; nothing held ends the consumer. Throws when it does not fit.
 */
export async function rewriteAllocations(tx: Tx, wanted: Rewrite): Promise<void> {
  const { consumerId, holdings } = wanted;
  await expectConsumer(tx, wanted);
  for (const providerId of Object.keys(holdings)) {
    const provider = await findProvider(tx, providerId);
    if (provider === null) throw placementErrors.allocationProviderNotFound(providerId);
  }
  const before = await tx
    .deleteFrom("allocations")
    .where("consumer_id", "=", consumerId)
    .returning("provider_id")
    .execute();
  // In the order of ids, so that two writers never wait for each other.
  const touched = new Set([...before.map((row) => row.provider_id), ...Object.keys(holdings)]);
  for (const id of [...touched].sort()) await raiseGeneration(tx, id);
  for (const [providerId, { resources }] of Object.entries(holdings)) {
    const fits = await allocate(tx, consumerId, providerId, resources);
    if (!fits) throw placementErrors.overCapacity(providerId, consumerId);
  }
  if (Object.keys(holdings).length > 0) await saveConsumer(tx, wanted);
  else await tx.deleteFrom("consumers").where("id", "=", consumerId).execute();
}

export async function findConsumer(tx: Tx, id: string): Promise<Consumer | null> {
  const row = await tx.selectFrom("consumers").selectAll().where("id", "=", id).executeTakeFirst();
  return row ?? null;
}

/** What the consumer holds, by provider, with each provider's generation. */
export async function holdingsOf(tx: Tx, consumerId: string) {
  const rows = await tx
    .selectFrom("allocations as allocation")
    .innerJoin("resource_providers as provider", "provider.id", "allocation.provider_id")
    .select(["provider.id", "provider.generation", "allocation.resource_class", "allocation.used"])
    .where("allocation.consumer_id", "=", consumerId)
    .orderBy("provider.id")
    .orderBy("allocation.resource_class")
    .execute();
  const holdings: Record<string, { generation: number; resources: Record<string, number> }> = {};
  for (const { id, generation, resource_class, used } of rows) {
    holdings[id] ??= { generation, resources: {} };
    holdings[id].resources[resource_class] = used;
  }
  return holdings;
}

/** Who holds what of a provider, by consumer. */
export async function allocationsOn(tx: Tx, providerId: string) {
  const rows = await tx
    .selectFrom("allocations as allocation")
    .innerJoin("consumers as consumer", "consumer.id", "allocation.consumer_id")
    .select(["consumer.id", "consumer.generation", "allocation.resource_class", "allocation.used"])
    .where("allocation.provider_id", "=", providerId)
    .orderBy("consumer.id")
    .orderBy("allocation.resource_class")
    .execute();
  const holders: Record<string, { consumer_generation: number; resources: Record<string, number> }> = {};
  for (const { id, generation, resource_class, used } of rows) {
    holders[id] ??= { consumer_generation: generation, resources: {} };
    holders[id].resources[resource_class] = used;
  }
  return holders;
}

/** What a project uses in all, by type of consumer. */
export async function projectUsages(
  tx: Tx,
  { projectId, userId }: { readonly projectId: string; readonly userId?: string },
): Promise<readonly { consumer_type: string; resource_class: string; used: number; consumers: number }[]> {
  let query = tx
    .selectFrom("allocations as allocation")
    .innerJoin("consumers as consumer", "consumer.id", "allocation.consumer_id")
    .select(["consumer.consumer_type", "allocation.resource_class"])
    .select(sql<number>`CAST(SUM(allocation.used) AS BIGINT)`.as("used"))
    .select(sql<number>`COUNT(DISTINCT consumer.id)`.as("consumers"))
    .where("consumer.project_id", "=", projectId)
    .groupBy(["consumer.consumer_type", "allocation.resource_class"]);
  if (userId !== undefined) query = query.where("consumer.user_id", "=", userId);
  return await query.execute();
}

/**
 * Writes the allocations if all of them fit the provider's inventories; the caller holds the provider's row.
 */
async function allocate(tx: Tx, consumerId: string, providerId: string, amounts: Amounts): Promise<boolean> {
  const wanted = Object.entries(amounts).filter(([, amount]) => amount !== 0);
  if (wanted.length === 0) return true;
  const rows = sql.join(
    wanted.map(
      ([name, amount]) => sql`SELECT CAST(${name} AS TEXT) AS class, CAST(${amount} AS BIGINT) AS amount`,
    ),
    sql` UNION ALL `,
  );
  const written = await sql`
    WITH wanted AS (${rows}), fitting AS (
      SELECT wanted.class, wanted.amount
      FROM wanted JOIN inventories ON inventories.resource_class = wanted.class
      WHERE inventories.provider_id = ${providerId}
        AND wanted.amount BETWEEN inventories.min_unit AND inventories.max_unit
        AND wanted.amount % inventories.step_size = 0
        AND wanted.amount + COALESCE((SELECT SUM(used) FROM allocations
              WHERE provider_id = ${providerId} AND resource_class = wanted.class
                AND consumer_id <> ${consumerId}), 0)
            <= (inventories.total - inventories.reserved) * inventories.allocation_ratio)
    INSERT INTO allocations (consumer_id, provider_id, resource_class, used)
    SELECT CAST(${consumerId} AS TEXT), CAST(${providerId} AS TEXT), class, amount FROM fitting
    WHERE (SELECT COUNT(*) FROM fitting) = ${wanted.length}
    ON CONFLICT (consumer_id, provider_id, resource_class) DO UPDATE SET used = excluded.used
    RETURNING resource_class`.execute(tx);
  return written.rows.length > 0;
}

async function saveConsumer(tx: Tx, write: ConsumerWrite): Promise<void> {
  const values = {
    project_id: write.projectId,
    user_id: write.userId,
    consumer_type: write.consumerType,
    updated_at: now(tx),
  };
  await tx
    .insertInto("consumers")
    .values({ id: write.consumerId, ...values, generation: 1, created_at: now(tx) })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({ ...values, generation: sql<number>`consumers.generation + 1` }),
    )
    .execute();
}

async function expectConsumer(tx: Tx, { consumerId, generation }: Rewrite): Promise<void> {
  if (generation === undefined) return;
  const known = (await findConsumer(tx, consumerId))?.generation ?? null;
  if (known !== generation) throw placementErrors.consumerConflict(consumerId, known, generation);
}
