// Host aggregates: hosts an administrator groups. Their metadata gives hosts their availability zone.
import { newId, now, type Tx } from "@micronova/store";
import { resourceErrors as errors } from "./errors-resources.ts";
import { computeBinary } from "./hosts.ts";
import type { Aggregate } from "./tables-resources.ts";

export interface AggregateWithHosts extends Aggregate {
  readonly hosts: readonly string[];
}

export async function listAggregates(tx: Tx): Promise<AggregateWithHosts[]> {
  const rows = await tx
    .selectFrom("aggregates")
    .selectAll()
    .where("deleted_at", "is", null)
    .orderBy("id")
    .execute();
  const members = await tx.selectFrom("aggregate_hosts").selectAll().orderBy("host").execute();
  return rows.map((row) => ({
    ...row,
    hosts: members.filter((member) => member.aggregate_id === row.id).map((member) => member.host),
  }));
}

export async function getAggregate(tx: Tx, id: string): Promise<AggregateWithHosts> {
  const found = (await listAggregates(tx)).find((aggregate) => String(aggregate.id) === id);
  if (found === undefined) throw errors.aggregateMissing(id);
  return found;
}

export function aggregateMetadata(aggregate: Aggregate): Readonly<Record<string, string>> {
  return JSON.parse(aggregate.metadata);
}

export function zoneOf(aggregate: Aggregate): string | null {
  return aggregateMetadata(aggregate)["availability_zone"] ?? null;
}

export async function createAggregate(
  tx: Tx,
  { name, zone }: { readonly name: string; readonly zone: string | null },
): Promise<Aggregate> {
  const { last } = await tx
    .selectFrom("aggregates")
    .select((row) => row.fn.max("id").as("last"))
    .executeTakeFirstOrThrow();
  const metadata = JSON.stringify(zone === null ? {} : { availability_zone: zone });
  const row = await tx
    .insertInto("aggregates")
    .values({
      id: (last ?? 0) + 1,
      uuid: newId(tx),
      name,
      metadata,
      created_at: now(tx),
      updated_at: null,
      deleted_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw errors.aggregateExists(name);
  return row;
}

export async function updateAggregate(
  tx: Tx,
  id: string,
  change: { readonly name?: string; readonly metadata?: Readonly<Record<string, string | null>> },
): Promise<AggregateWithHosts> {
  const before = await getAggregate(tx, id);
  const name = change.name ?? before.name;
  const namesake = (await listAggregates(tx)).find((other) => other.name === name && other.id !== before.id);
  if (namesake !== undefined) throw errors.aggregateExists(name);
  const merged = Object.entries({ ...aggregateMetadata(before), ...change.metadata });
  const metadata = JSON.stringify(Object.fromEntries(merged.filter(([, value]) => value !== null)));
  const after = { ...before, name, metadata };
  if (zoneOf(after) !== zoneOf(before)) {
    await checkZone(tx, after);
    if (await haveServers(tx, before.hosts)) throw errors.zoneInUse(before.id);
  }
  await tx
    .updateTable("aggregates")
    .set({ name, metadata, updated_at: now(tx) })
    .where("id", "=", before.id)
    .execute();
  return getAggregate(tx, id);
}

export async function deleteAggregate(tx: Tx, id: string): Promise<void> {
  const { id: number, hosts } = await getAggregate(tx, id);
  if (hosts.length > 0) throw errors.aggregateNotEmpty(number);
  await tx
    .updateTable("aggregates")
    .set({ deleted_at: now(tx) })
    .where("id", "=", number)
    .execute();
}

export async function addAggregateHost(tx: Tx, id: string, host: string): Promise<AggregateWithHosts> {
  const aggregate = await getAggregate(tx, id);
  const known = await tx
    .selectFrom("compute_services")
    .select("id")
    .where("host", "=", host)
    .where("binary", "=", computeBinary)
    .executeTakeFirst();
  if (known === undefined) throw errors.serviceMissing(host);
  if (aggregate.hosts.includes(host)) throw errors.aggregateHostExists(aggregate.id, host);
  await checkZone(tx, { ...aggregate, hosts: [host] });
  const isMoved = zoneOf(aggregate) !== null && !(await isInZone(tx, host, zoneOf(aggregate)));
  if (isMoved && (await haveServers(tx, [host]))) throw errors.hostHasServers(aggregate.id, host);
  await tx.insertInto("aggregate_hosts").values({ aggregate_id: aggregate.id, host }).execute();
  return getAggregate(tx, id);
}

export async function removeAggregateHost(tx: Tx, id: string, host: string): Promise<AggregateWithHosts> {
  const { id: number } = await getAggregate(tx, id);
  const gone = await tx
    .deleteFrom("aggregate_hosts")
    .where("aggregate_id", "=", number)
    .where("host", "=", host)
    .returning("host")
    .executeTakeFirst();
  if (gone === undefined) throw errors.aggregateHostMissing(number, host);
  return getAggregate(tx, id);
}

/** A host is in one zone at most: its servers could not say in which otherwise. */
async function checkZone(tx: Tx, wanted: AggregateWithHosts): Promise<void> {
  const zone = zoneOf(wanted);
  if (zone === null) return;
  for (const other of await listAggregates(tx)) {
    const otherZone = other.id === wanted.id ? zone : (zoneOf(other) ?? zone);
    const shared = otherZone === zone ? undefined : wanted.hosts.find((host) => other.hosts.includes(host));
    if (shared !== undefined) throw errors.hostInOtherZone(wanted.id, shared, otherZone);
  }
}

async function isInZone(tx: Tx, host: string, zone: string | null): Promise<boolean> {
  const all = await listAggregates(tx);
  return all.some((aggregate) => aggregate.hosts.includes(host) && zoneOf(aggregate) === zone);
}

/** Servers keep the zone they were made in; their host must not leave it under them. */
async function haveServers(tx: Tx, hosts: readonly string[]): Promise<boolean> {
  if (hosts.length === 0) return false;
  const server = await tx
    .selectFrom("servers")
    .select("id")
    .where("host", "in", hosts)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return server !== undefined;
}
