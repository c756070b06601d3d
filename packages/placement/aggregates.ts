// Which aggregates a provider is in. Placement knows aggregates by their ids alone.
import type { Tx } from "@micronova/store";

export async function aggregatesOf(tx: Tx, providerId: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("provider_aggregates")
    .select("aggregate_id")
    .where("provider_id", "=", providerId)
    .orderBy("aggregate_id")
    .execute();
  return rows.map((row) => row.aggregate_id);
}

/** Makes a provider's aggregates exactly these. The caller has raised the generation. */
export async function setAggregates(tx: Tx, providerId: string, ids: readonly string[]): Promise<void> {
  await tx.deleteFrom("provider_aggregates").where("provider_id", "=", providerId).execute();
  for (const aggregate_id of new Set(ids)) {
    await tx.insertInto("provider_aggregates").values({ provider_id: providerId, aggregate_id }).execute();
  }
}
