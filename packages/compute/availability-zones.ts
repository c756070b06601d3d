// Availability zones: names that aggregates give to hosts. A host in none is in the default zone.
import type { Tx } from "@micronova/store";
import { listAggregates, zoneOf } from "./aggregates.ts";
import { type ComputeConfig, computeDefaults } from "./config.ts";

type ZoneConfig = Pick<ComputeConfig, "default_availability_zone">;

/** The zone of each host that an aggregate puts into one; all others are in the default zone. */
export async function zonesOfHosts(tx: Tx): Promise<ReadonlyMap<string, string>> {
  const zones = new Map<string, string>();
  for (const aggregate of await listAggregates(tx)) {
    const zone = zoneOf(aggregate);
    if (zone !== null) for (const host of aggregate.hosts) zones.set(host, zone);
  }
  return zones;
}

/** Whether servers may ask for the zone: the default one, and each that an aggregate names. */
export async function isKnownZone(
  tx: Tx,
  zone: string,
  config: ZoneConfig = computeDefaults,
): Promise<boolean> {
  if (zone === config.default_availability_zone) return true;
  return (await listAggregates(tx)).some((aggregate) => zoneOf(aggregate) === zone);
}
