// Queues.
import { bindingsTo, implicitBinding, queueStatus, type VirtualHost } from "@micronova/amqp";
import { lengthsOf } from "../rates.ts";
import {
  type Asked,
  byName,
  found,
  hostOf,
  hostsOf,
  type JsonObject,
  list,
  pages,
  param,
  type Route,
  route,
  value,
} from "../routes.ts";
import { bindingView } from "./bindings.ts";
import { consumersOf } from "./consumers.ts";
import { messageStats, queueCounts } from "./stats.ts";

type Queue = VirtualHost["queues"][number];

export const queueRoutes: readonly Route[] = [
  route("GET", "/queues", "management", (asked) =>
    pages(hostsOf(asked).flatMap((host) => queuesIn(asked, host))),
  ),
  route("GET", "/queues/:vhost", "host", (asked) => pages(queuesIn(asked, hostOf(asked)))),
  route("GET", "/queues/:vhost/:queue", "host", (asked) => value(queueDetails(asked))),
  route("GET", "/queues/:vhost/:queue/bindings", "host", (asked) => {
    const host = hostOf(asked);
    const queue = found(host.findQueue(param(asked, "queue")));
    return list([implicitBinding(host.name, queue.name), ...bindingsTo(host.name, queue)].map(bindingView));
  }),
];

function queuesIn(asked: Asked, host: VirtualHost): readonly JsonObject[] {
  return host.queues.map((queue) => queueView(asked, host, queue)).sort(byName);
}

function queueView({ broker, node, rates }: Asked, host: VirtualHost, queue: Queue) {
  const { message_stats: stats, ...facts } = queueStatus(host.name, queue);
  const { messages_ready, messages_unacknowledged, consumer_capacity } = facts;
  const owner = [...broker.connections].find((one) => one === queue.owner);
  return {
    ...facts,
    node: node.name,
    state: "running",
    consumer_utilisation: consumer_capacity,
    policy: null,
    operator_policy: null,
    effective_policy_definition: {},
    ...rates.detailed(stats, lengthsOf(messages_ready, messages_unacknowledged)),
    ...messageStats(rates, { key: stats, stats, names: queueCounts }),
    ...(owner === undefined ? {} : { owner_pid_details: { name: owner.name, ...owner.peer } }),
  };
}

function queueDetails(asked: Asked) {
  const host = hostOf(asked);
  const queue = found(host.findQueue(param(asked, "queue")));
  return {
    ...queueView(asked, host, queue),
    consumer_details: consumersOf(asked, host.name, queue.consumers),
    incoming: [],
    deliveries: [],
  };
}
