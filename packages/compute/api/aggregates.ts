// Host aggregates. What they give hosts is told to the schedulers at once.
import {
  type ApiRequest,
  actionRoute,
  actionsOf,
  always,
  reply,
  routesOf,
  sinceField,
  type View,
} from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import {
  type AggregateWithHosts,
  addAggregateHost,
  aggregateMetadata,
  createAggregate,
  deleteAggregate,
  getAggregate,
  listAggregates,
  removeAggregateHost,
  updateAggregate,
  zoneOf,
} from "../aggregates.ts";
import { hostNews } from "../conductor-contract.ts";
import type { ComputeDeps } from "../deps.ts";
import type { Aggregate } from "../tables-resources.ts";
import {
  aggregateHost,
  aggregateMetadataBody,
  createAggregateBody,
  updateAggregateBody,
} from "./schemas/resources.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();
const action = actionsOf<ComputeDeps>();

/** A new aggregate is shown without hosts and metadata. */
const newView: View<Aggregate> = {
  id: always((aggregate) => aggregate.id),
  uuid: sinceField("2.41", (aggregate) => aggregate.uuid),
  name: always((aggregate) => aggregate.name),
  availability_zone: always((aggregate) => zoneOf(aggregate)),
  created_at: always((aggregate) => isoMicros(aggregate.created_at)),
  updated_at: always(({ updated_at }) => (updated_at === null ? null : isoMicros(updated_at))),
  deleted: always(() => false),
  deleted_at: always(() => null),
};
const view: View<AggregateWithHosts> = {
  // What shows an aggregate also shows one with its hosts.
  ...(newView as View<AggregateWithHosts>),
  hosts: always((aggregate) => aggregate.hosts),
  metadata: always((aggregate) => aggregateMetadata(aggregate)),
};

const crudRoutes = [
  route({
    method: "GET",
    path: "/os-aggregates",
    policy: "os_compute_api:os-aggregates:index",
    query: emptyQuery,
    success: 200,
    summary: "Lists aggregates.",
    async handle(request, { store }) {
      const all = await listAggregates(store.read);
      return { aggregates: all.map((aggregate) => request.render(view, aggregate)) };
    },
  }),
  route({
    method: "POST",
    path: "/os-aggregates",
    policy: "os_compute_api:os-aggregates:create",
    body: createAggregateBody,
    success: 200,
    summary: "Creates an aggregate.",
    async handle(request, deps) {
      const { name, availability_zone: zone = null } = request.body.aggregate;
      const aggregate = await changed(deps, (tx) => createAggregate(tx, { name, zone }));
      return { aggregate: request.render(newView, aggregate) };
    },
  }),
  route({
    method: "GET",
    path: "/os-aggregates/:aggregate_id",
    policy: "os_compute_api:os-aggregates:show",
    query: emptyQuery,
    success: 200,
    summary: "Shows an aggregate.",
    async handle(request, { store }) {
      return { aggregate: request.render(view, await getAggregate(store.read, aggregateId(request))) };
    },
  }),
  route({
    method: "PUT",
    path: "/os-aggregates/:aggregate_id",
    policy: "os_compute_api:os-aggregates:update",
    body: updateAggregateBody,
    success: 200,
    summary: "Renames an aggregate or changes its availability zone.",
    async handle(request, deps) {
      const { name, availability_zone } = request.body.aggregate;
      const change = {
        ...(name === undefined ? {} : { name }),
        ...(availability_zone === undefined ? {} : { metadata: { availability_zone } }),
      };
      const aggregate = await changed(deps, (tx) => updateAggregate(tx, aggregateId(request), change));
      return { aggregate: request.render(view, aggregate) };
    },
  }),
  route({
    method: "DELETE",
    path: "/os-aggregates/:aggregate_id",
    policy: "os_compute_api:os-aggregates:delete",
    success: 200,
    summary: "Deletes an aggregate without hosts.",
    async handle(request, deps) {
      await changed(deps, (tx) => deleteAggregate(tx, aggregateId(request)));
      return reply({ body: null });
    },
  }),
];

const aggregateActions = [
  action({
    name: "add_host",
    policy: "os_compute_api:os-aggregates:add_host",
    schema: aggregateHost,
    success: 200,
    summary: "Adds a host to an aggregate.",
    async handle(request, deps) {
      const { host } = request.body;
      const aggregate = await changed(deps, (tx) => addAggregateHost(tx, aggregateId(request), host));
      return { aggregate: request.render(view, aggregate) };
    },
  }),
  action({
    name: "remove_host",
    policy: "os_compute_api:os-aggregates:remove_host",
    schema: aggregateHost,
    success: 200,
    summary: "Takes a host out of an aggregate.",
    async handle(request, deps) {
      const { host } = request.body;
      const aggregate = await changed(deps, (tx) => removeAggregateHost(tx, aggregateId(request), host));
      return { aggregate: request.render(view, aggregate) };
    },
  }),
  action({
    name: "set_metadata",
    policy: "os_compute_api:os-aggregates:set_metadata",
    schema: aggregateMetadataBody,
    success: 200,
    summary: "Sets an aggregate's metadata; null removes a key.",
    async handle(request, deps) {
      const { metadata } = request.body;
      const aggregate = await changed(deps, (tx) => updateAggregate(tx, aggregateId(request), { metadata }));
      return { aggregate: request.render(view, aggregate) };
    },
  }),
];

export const aggregateRoutes = [
  ...crudRoutes,
  actionRoute({ path: "/os-aggregates/:aggregate_id/action", actions: aggregateActions }),
];

function aggregateId({ params }: Pick<ApiRequest<unknown, unknown>, "params">): string {
  return params["aggregate_id"]!;
}

async function changed<T>({ store, rpc }: ComputeDeps, work: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await store.transaction(work);
  await rpc.announce(hostNews, { loads: [], changed: true });
  return result;
}
