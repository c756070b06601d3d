// Availability zones and, for administrators, the services in each.
import { routesOf } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { type Zone, zones } from "../availability-zones.ts";
import type { ComputeDeps } from "../deps.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();

export const availabilityZoneRoutes = [
  route({
    method: "GET",
    path: "/os-availability-zone",
    policy: "os_compute_api:os-availability-zone:list",
    query: emptyQuery,
    success: 200,
    summary: "Lists the zones a server can be in.",
    async handle(_request, { store, config }) {
      const all = await zones(store.read, config);
      const shown = all.filter((zone) => !zone.isInternal);
      return { availabilityZoneInfo: shown.map((zone) => ({ ...zoneView(zone), hosts: null })) };
    },
  }),
  route({
    method: "GET",
    path: "/os-availability-zone/detail",
    policy: "os_compute_api:os-availability-zone:detail",
    query: emptyQuery,
    success: 200,
    summary: "Lists the zones with their hosts and services.",
    async handle(_request, { store, config }) {
      const all = await zones(store.read, config);
      return { availabilityZoneInfo: all.map((zone) => ({ ...zoneView(zone), hosts: hostsView(zone) })) };
    },
  }),
];

function zoneView(zone: Zone) {
  return { zoneName: zone.name, zoneState: { available: zone.services.some(({ isUsable }) => isUsable) } };
}

function hostsView(zone: Zone) {
  const hosts: Record<string, Record<string, unknown>> = {};
  for (const { service, isUp } of zone.services) {
    const updated_at = service.last_seen === null ? null : isoMicros(service.last_seen);
    const about = { active: service.is_disabled === 0, available: isUp, updated_at };
    hosts[service.host] = { ...hosts[service.host], [service.binary]: about };
  }
  return hosts;
}
