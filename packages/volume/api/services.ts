// /os-services and what else tells of the hosts: pools, availability zones.
import { always, routesOf, sinceField, type View } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { isUp, poolName, setDisabled, volumeServices } from "../pools.ts";
import type { VolumeServiceRow } from "../tables.ts";
import { zone } from "../volumes.ts";
import { isTrue, serviceBody } from "./schemas.ts";

const route = routesOf<VolumeDeps>();
const binary = "cinder-volume";

interface SeenService extends VolumeServiceRow {
  readonly isUp: boolean;
}

const serviceView: View<SeenService> = {
  binary: always(() => binary),
  host: always(({ host, backend }) => `${host}@${backend}`),
  zone: always(() => zone),
  status: always(({ is_disabled }) => (is_disabled === 1 ? "disabled" : "enabled")),
  state: always((service) => (service.isUp ? "up" : "down")),
  updated_at: always(({ last_seen }) => isoMicros(last_seen)),
  disabled_reason: always(({ disabled_reason }) => disabled_reason),
  frozen: always(() => false),
  replication_status: always(() => "disabled"),
  active_backend_id: always(() => null),
  cluster: sinceField("3.7", () => null),
  backend_state: sinceField("3.49", (service) => (service.isUp ? "up" : "down")),
};

const list = route({
  method: "GET",
  path: "/os-services",
  policy: "volume_extension:services:index",
  success: 200,
  summary: "Lists the volume workers.",
  async handle(request, { store }) {
    // A route without a schema has the query as it came.
    const asked = request.query as {
      readonly host?: string;
      readonly binary?: string;
      readonly service?: string;
    };
    const wanted = asked.binary ?? asked.service;
    const services = (await seenServices(store.read)).filter(
      ({ host, backend }) =>
        (asked.host === undefined || asked.host === host || asked.host === `${host}@${backend}`) &&
        (wanted === undefined || wanted === binary),
    );
    return { services: services.map((service) => request.render(serviceView, service)) };
  },
});

const enable = route({
  method: "PUT",
  path: "/os-services/enable",
  policy: "volume_extension:services:update",
  body: serviceBody,
  success: 200,
  summary: "Lets new volumes go to a worker again.",
  async handle({ body }, { store }) {
    const host = hostIn(body);
    await store.transaction((tx) => setDisabled(tx, host, { isDisabled: false, reason: null }));
    return { ...named(host), disabled: false, status: "enabled" };
  },
});

const disable = route({
  method: "PUT",
  path: "/os-services/disable",
  policy: "volume_extension:services:update",
  body: serviceBody,
  success: 200,
  summary: "Keeps new volumes from a worker.",
  async handle({ body }, { store }) {
    const host = hostIn(body);
    await store.transaction((tx) => setDisabled(tx, host, { isDisabled: true, reason: null }));
    return { ...named(host), disabled: true, status: "disabled" };
  },
});

const disableWithReason = route({
  method: "PUT",
  path: "/os-services/disable-log-reason",
  policy: "volume_extension:services:update",
  body: serviceBody,
  success: 200,
  summary: "Keeps new volumes from a worker, and says why.",
  async handle({ body }, { store }) {
    const host = hostIn(body);
    const reason = body.disabled_reason ?? null;
    await store.transaction((tx) => setDisabled(tx, host, { isDisabled: true, reason }));
    return { ...named(host), disabled: true, disabled_reason: reason, status: "disabled" };
  },
});

const pools = route({
  method: "GET",
  path: "/scheduler-stats/get_pools",
  policy: "scheduler_extension:scheduler_stats:get_pools",
  success: 200,
  summary: "Lists the pools, with `detail=true` also how large and how full they are.",
  async handle({ query }, { store }) {
    // A route without a schema has the query as it came.
    const { detail } = query as { readonly detail?: string };
    const services = await seenServices(store.read);
    if (detail === undefined || !isTrue(detail))
      return { pools: services.map((one) => ({ name: poolName(one) })) };
    return { pools: services.map((one) => ({ name: poolName(one), capabilities: capabilitiesOf(one) })) };
  },
});

const zones = route({
  method: "GET",
  path: "/os-availability-zone",
  policy: "volume_extension:availability_zone_list",
  success: 200,
  summary: "Lists the availability zones.",
  async handle(_request, { store }) {
    const available = (await seenServices(store.read)).some(
      (service) => service.isUp && service.is_disabled === 0,
    );
    return { availabilityZoneInfo: [{ zoneName: zone, zoneState: { available } }] };
  },
});

export const serviceRoutes = [list, enable, disable, disableWithReason, pools, zones];

async function seenServices(tx: Tx): Promise<SeenService[]> {
  const at = now(tx);
  return (await volumeServices(tx)).map((service) => ({ ...service, isUp: isUp(service, at) }));
}

function capabilitiesOf(service: SeenService): object {
  return {
    updated: isoMicros(service.last_seen),
    total_capacity_gb: service.total_gb,
    free_capacity_gb: service.free_gb,
    volume_backend_name: service.backend,
    reserved_percentage: 0,
    driver_version: "1",
    storage_protocol: service.mode,
    QoS_support: false,
  };
}

function hostIn({ host }: { readonly host?: string | null }): string {
  if (host === undefined || host === null || host === "") throw errors.hostMissing();
  return host;
}

function named(host: string): object {
  return { host, service: "", binary };
}
