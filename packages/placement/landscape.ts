// All providers with what they have, are and belong to, in memory: what searches look over.
import type { Tx } from "@micronova/store";
import { capacityOf, type Usage, usages } from "./inventories.ts";
import type { ResourceProvider } from "./providers.ts";

export interface Place {
  readonly provider: ResourceProvider;
  readonly classes: Readonly<Record<string, Usage>>;
  readonly traits: ReadonlySet<string>;
  readonly aggregates: ReadonlySet<string>;
}

export async function landscape(tx: Tx): Promise<readonly Place[]> {
  const providers = await tx
    .selectFrom("resource_providers")
    .selectAll()
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const traits = await tx.selectFrom("provider_traits").selectAll().execute();
  const aggregates = await tx.selectFrom("provider_aggregates").selectAll().execute();
  const classes = await usages(tx);
  const traitsOf = Map.groupBy(traits, (row) => row.provider_id);
  const aggregatesOf = Map.groupBy(aggregates, (row) => row.provider_id);
  return providers.map((provider) => ({
    provider,
    classes: classes.get(provider.id) ?? {},
    traits: new Set((traitsOf.get(provider.id) ?? []).map(({ trait }) => trait)),
    aggregates: new Set((aggregatesOf.get(provider.id) ?? []).map((row) => row.aggregate_id)),
  }));
}

/** Whether so much of a class could be allocated there now. */
export function hasRoom({ classes }: Place, resourceClass: string, amount: number): boolean {
  const usage = classes[resourceClass];
  if (usage === undefined) return false;
  const isUnit = amount >= usage.min_unit && amount <= usage.max_unit && amount % usage.step_size === 0;
  return isUnit && usage.used + amount <= capacityOf(usage);
}

/** Names of which all, none, or of each list some must be there. */
export interface Demand {
  readonly all: readonly string[];
  readonly none: readonly string[];
  readonly anyOf: readonly (readonly string[])[];
}

export const noDemand: Demand = { all: [], none: [], anyOf: [] };

export function meets(names: ReadonlySet<string>, { all, none, anyOf }: Demand): boolean {
  return (
    all.every((name) => names.has(name)) &&
    !none.some((name) => names.has(name)) &&
    anyOf.every((some) => some.some((name) => names.has(name)))
  );
}
