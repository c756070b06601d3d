// Queues.
import {
  type Broker,
  bindingsTo,
  implicitBinding,
  type OpenConnection,
  queueStatus,
  type VirtualHost,
} from "@micronova/amqp";
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
  list,
  noContent,
  pages,
  param,
  put,
  type Result,
  type Route,
  route,
  value,
} from "../routes.ts";
import { bindingView } from "./bindings.ts";
import { consumersOf } from "./consumers.ts";
import { messageStats, queueCounts } from "./stats.ts";

type Queue = VirtualHost["queues"][number];

export const queueRoutes: readonly Route[] = [
  route("GET", "/queues", "management", (asked) => queuePages(asked, hostsOf(asked))),
  route("GET", "/queues/:vhost", "host", (asked) => queuePages(asked, [hostOf(asked)])),
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

function queuePages(asked: Asked, hosts: readonly VirtualHost[]): Result {
  const queues = hosts.flatMap((host) =>
    host.queues.toSorted(byName).map((queue) => ({ name: queue.name, host, queue })),
  );
  return pages(queues, ({ host, queue }) => queueView(asked, host, queue));
}

function queueView({ broker, node, rates }: Asked, host: VirtualHost, queue: Queue) {
  const { message_stats: stats, ...facts } = queueStatus(host.name, queue);
  const { messages_ready, messages_unacknowledged, consumer_capacity } = facts;
  const owner = ownerOf(broker, queue);
  return {
    ...facts,
    node: node.name,
    state: "running",
    consumer_utilisation: consumer_capacity,
    policy: queue.policy?.name ?? null,
    operator_policy: null,
    effective_policy_definition: queue.policy?.definition ?? {},
    ...rates.detailed(stats, lengthsOf(messages_ready, messages_unacknowledged)),
    ...messageStats(rates, { key: stats, stats, names: queueCounts }),
    ...(owner === null ? {} : { owner_pid_details: { name: owner.name, ...owner.peer } }),
  };
}

/** The connection that an exclusive queue belongs to; those of the broker's own process have none. */
function ownerOf({ connections }: Broker, { owner }: Queue): OpenConnection | null {
  // Nothing else is in the set.
  const connection = owner as OpenConnection;
  return owner !== null && connections.has(connection) ? connection : null;
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
