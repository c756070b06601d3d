// Compute's services: which live, which take servers. The schedulers learn of a change at once.
import {
  type ApiRequest,
  always,
  between,
  reply,
  routesOf,
  since,
  sinceField,
  until,
  untilField,
  type View,
} from "@micronova/http";
import { isoMicros, isUuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type { PlacedService } from "../availability-zones.ts";
import { hostNews } from "../conductor-contract.ts";
import type { ComputeDeps } from "../deps.ts";
import { resourceErrors as errors } from "../errors-resources.ts";
import { numberOf } from "../numeric-ids.ts";
import {
  deleteService,
  getService,
  getServiceOf,
  listServices,
  type ServiceChange,
  updateService,
} from "../services.ts";
import { readBool } from "./schemas/parts.ts";
import { oldServiceBody, serviceBody, servicesQuery } from "./schemas/resources.ts";

const route = routesOf<ComputeDeps>();

const view: View<PlacedService> = {
  id: [
    untilField("2.52", ({ service }) => numberOf(service.id)),
    sinceField("2.53", ({ service }) => service.id),
  ],
  binary: always(({ service }) => service.binary),
  host: always(({ service }) => service.host),
  zone: always(({ zone }) => zone),
  status: always(({ service }) => statusOf(service.is_disabled)),
  state: always(({ isUp }) => (isUp ? "up" : "down")),
  updated_at: always(({ service }) => (service.last_seen === null ? null : isoMicros(service.last_seen))),
  disabled_reason: always(({ service }) => service.disabled_reason),
  forced_down: sinceField("2.11", ({ service }) => service.is_forced_down === 1),
};

/** What each of the older verbs changes, and what it answers besides the host and the program. */
const verbs = {
  enable: { change: () => ({ isDisabled: false }), shows: ["status"] },
  disable: { change: () => ({ isDisabled: true }), shows: ["status"] },
  "disable-log-reason": {
    change: (body) => ({ isDisabled: true, disabledReason: body.disabled_reason ?? null }),
    shows: ["status", "disabled_reason"],
  },
  "force-down": {
    change: (body) => ({ isForcedDown: readBool(body.forced_down) ?? true }),
    shows: ["forced_down"],
  },
} as const satisfies Record<string, Verb>;

interface Verb {
  readonly shows: readonly string[];
  change(body: { readonly disabled_reason?: string; readonly forced_down?: unknown }): ServiceChange;
}

const verbRoutes = Object.entries(verbs).flatMap(([name, verb]) => [
  route({
    method: "PUT",
    path: `/os-services/${name}`,
    ...(name === "force-down" ? between("2.11", "2.52") : until("2.52")),
    policy: "os_compute_api:os-services:update",
    body: oldServiceBody,
    success: 200,
    summary: `Does \`${name}\` to a service named by its host and program.`,
    async handle(request, deps) {
      const { host, binary } = request.body;
      const { service } = await getServiceOf(deps.store.read, deps.config, { host, binary });
      const change: ServiceChange = verb.change(request.body);
      await changed(deps, (tx) => updateService(tx, service.id, change));
      const after = await getService(deps.store.read, deps.config, service.id);
      const shown = request.render(view, after);
      return { service: { host, binary, ...Object.fromEntries(verb.shows.map((key) => [key, shown[key]])) } };
    },
  }),
  route({
    method: "PUT",
    path: `/os-services/${name}`,
    ...since("2.53"),
    policy: "os_compute_api:os-services:update",
    success: 200,
    summary: `Refuses \`${name}\`, which now has a body of its own.`,
    async handle() {
      throw errors.uuidInvalid(name);
    },
  }),
]);

export const serviceRoutes = [
  route({
    method: "GET",
    path: "/os-services",
    policy: "os_compute_api:os-services:list",
    query: servicesQuery,
    success: 200,
    summary: "Lists compute's services.",
    async handle(request, { store, config }) {
      // The schema says: an object of lists of texts.
      const query = request.query as Readonly<Record<string, readonly string[] | undefined>>;
      const [host, binary] = [query["host"]?.at(-1), query["binary"]?.at(-1)];
      const services = await listServices(store.read, config, {
        ...(host === undefined ? {} : { host }),
        ...(binary === undefined ? {} : { binary }),
      });
      return { services: services.map((service) => request.render(view, service)) };
    },
  }),
  ...verbRoutes,
  route({
    method: "PUT",
    path: "/os-services/:service_id",
    ...since("2.53"),
    policy: "os_compute_api:os-services:update",
    body: serviceBody,
    success: 200,
    summary: "Enables or disables a service, or says that it is down.",
    async handle(request, deps) {
      const id = uuidOf(request);
      const { service } = await getService(deps.store.read, deps.config, id);
      const change = changeOf(request.body);
      await changed(deps, (tx) => updateService(tx, service.id, change));
      return { service: request.render(view, await getService(deps.store.read, deps.config, id)) };
    },
  }),
  route({
    method: "DELETE",
    path: "/os-services/:service_id",
    policy: "os_compute_api:os-services:delete",
    success: 204,
    summary: "Forgets a service that will not come back.",
    async handle(request, deps) {
      const id = request.does(until("2.52")) ? request.params["service_id"]! : uuidOf(request);
      await changed(deps, (tx) => deleteService(tx, deps.config, id));
      return reply({ body: null });
    },
  }),
];

function statusOf(isDisabled: number): string {
  return isDisabled === 1 ? "disabled" : "enabled";
}

function changeOf(body: {
  readonly status?: string;
  readonly disabled_reason?: string;
  readonly forced_down?: unknown;
}): ServiceChange {
  const isForcedDown = readBool(body.forced_down);
  if (body.status === undefined && isForcedDown === null) throw errors.nothingToChange();
  const isDisabled = body.status === undefined ? undefined : body.status !== statusOf(0);
  if (body.disabled_reason !== undefined && isDisabled !== true) throw errors.reasonMissing();
  return {
    ...(isDisabled === undefined ? {} : { isDisabled, disabledReason: body.disabled_reason ?? null }),
    ...(isForcedDown === null ? {} : { isForcedDown }),
  };
}

function uuidOf({ params }: Pick<ApiRequest<unknown, unknown>, "params">): string {
  const id = params["service_id"]!;
  if (!isUuid(id)) throw errors.uuidInvalid(id);
  return id;
}

async function changed({ store, rpc }: ComputeDeps, work: (tx: Tx) => Promise<void>): Promise<void> {
  await store.transaction(work);
  await rpc.announce(hostNews, { loads: [], changed: true });
}
