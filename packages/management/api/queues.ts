// Queues.
import { bindingsTo, implicitBinding, queueStatus, type VirtualHost } from "@micronova/amqp";
import { act } from "../desk.ts";
import { managementErrors } from "../errors.ts";
import { argumentsField, flagField, shortText } from "../fields.ts";
import { lengthsOf } from "../rates.ts";
import {
  type Asked,
  byName,
  found,
  hostOf,
  hostsOf,
  type JsonObject,
  list,
  noContent,
  pages,
  param,
  put,
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
  route("PUT", "/queues/:vhost/:queue", "host", async (asked) => {
    const body = await asked.json();
    assertHere(asked, body["node"]);
    const name = shortText(param(asked, "queue"));
    const isNew = hostOf(asked).findQueue(name) === null;
    const [durable, autoDelete] = [flagField(body, "durable"), flagField(body, "auto_delete")];
    const spec = { name, durable, autoDelete, exclusive: false, arguments: argumentsField(body) };
    act(asked, (desk) => desk.declareQueue(spec));
    return put(isNew);
  }),
  route("DELETE", "/queues/:vhost/:queue", "host", (asked) => {
    const { name } = queueOf(asked);
    const isSet = (option: string) => asked.query.get(option) === "true";
    const options = { ifUnused: isSet("if-unused"), ifEmpty: isSet("if-empty") };
    act(asked, (desk) => desk.deleteQueue(name, options));
    return noContent;
  }),
  route("DELETE", "/queues/:vhost/:queue/contents", "host", (asked) => {
    const { name } = queueOf(asked);
    act(asked, (desk) => desk.purgeQueue(name));
    return noContent;
  }),
  route("GET", "/queues/:vhost/:queue/bindings", "host", (asked) => {
    const host = hostOf(asked);
    const queue = queueOf(asked);
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

function queueOf(asked: Asked): Queue {
  return found(hostOf(asked).findQueue(param(asked, "queue")));
}

/** Queues are declared on this node; there is no other. */
function assertHere({ node }: Asked, wanted: unknown): void {
  if (wanted === undefined || wanted === "" || wanted === node.name) return;
  throw managementErrors.badRequest(`Node ${String(wanted)} could not be contacted`);
}

function queueDetails(asked: Asked) {
  const host = hostOf(asked);
  const queue = queueOf(asked);
  return {
    ...queueView(asked, host, queue),
    consumer_details: consumersOf(asked, host.name, queue.consumers),
    incoming: [],
    deliveries: [],
  };
}
