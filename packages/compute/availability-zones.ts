// Availability zones: names that aggregates give to hosts. A host in none is in the default zone, and what
// runs the cloud itself is in the zone `internal`.
import { now, type Tx } from "@micronova/store";
import { listAggregates, zoneOf } from "./aggregates.ts";
import { type ComputeConfig, computeDefaults } from "./config.ts";
import { computeBinary, isUp } from "./hosts.ts";
import type { ComputeServiceRow } from "./tables.ts";

type ZoneConfig = Pick<ComputeConfig, "default_availability_zone">;

/** Where services are that host no servers; nobody can ask for it. */
const internalZone = "internal";

/** The zone of each host that an aggregate puts into one; all others are in the default zone. */
export async function zonesOfHosts(tx: Tx): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const aggregate of await listAggregates(tx)) {
    const zone = zoneOf(aggregate);
    if (zone !== null) for (const host of aggregate.hosts) found.set(host, zone);
  }
  return found;
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

/** A service with what its row means at this moment. */
export interface PlacedService {
  readonly service: ComputeServiceRow;
  readonly zone: string;
  readonly isUp: boolean;
  /** Up, and not disabled. */
  readonly isUsable: boolean;
}

/** Every service of compute, by host and program. */
export async function placedServices(tx: Tx, config: ComputeConfig): Promise<PlacedService[]> {
  const ofHosts = await zonesOfHosts(tx);
  const services = await tx
    .selectFrom("compute_services")
    .selectAll()
    .orderBy("host")
    .orderBy("binary")
    .execute();
  return services.map((service) => {
    const isAlive = isUp(service, now(tx), config);
    const ofHost = ofHosts.get(service.host) ?? config.default_availability_zone;
    return {
      service,
      zone: service.binary === computeBinary ? ofHost : internalZone,
      isUp: isAlive,
      isUsable: isAlive && service.is_disabled === 0,
    };
  });
}

export interface Zone {
  readonly name: string;
  readonly isInternal: boolean;
  readonly services: readonly PlacedService[];
}

/** The zones that have a service, by name. */
export async function zones(tx: Tx, config: ComputeConfig): Promise<Zone[]> {
  const placed = await placedServices(tx, config);
  const names = [...new Set(placed.map(({ zone }) => zone))].sort();
  return names.map((name) => ({
    name,
    isInternal: name === internalZone,
    services: placed.filter(({ zone }) => zone === name),
  }));
}
