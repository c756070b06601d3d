// Metrics in Prometheus' text format and RabbitMQ's names, so that its dashboards show this broker: summed up
// over all queues, channels and connections, or one by one with labels.
import { setImmediate } from "node:timers/promises";
import { type Broker, rabbitVersion, type VirtualHost } from "@micronova/amqp";
import { labelsText, type Metrics, metricHead, metricsRegistry } from "@micronova/kit";
import { type Node, productVersion } from "./node.ts";

type Queue = VirtualHost["queues"][number];
type Connection = Broker["connections"] extends ReadonlySet<infer C> ? C : never;
type Channel = Connection["channels"][number];

/** A name without the prefix; one that ends in `_total` is a counter. */
type Table<T> = readonly (readonly [name: string, value: (of: T) => number])[];

const ofQueue: Table<Queue> = [
  ["queue_messages_ready", (queue) => queue.readyCount],
  ["queue_messages_unacked", (queue) => queue.unacknowledgedCount],
  ["queue_messages", (queue) => queue.readyCount + queue.unacknowledgedCount],
  ["queue_messages_ready_bytes", (queue) => queue.readyBytes],
  ["queue_messages_unacked_bytes", (queue) => queue.unacknowledgedBytes],
  ["queue_messages_bytes", (queue) => queue.readyBytes + queue.unacknowledgedBytes],
  ["queue_messages_ram", (queue) => queue.readyCount + queue.unacknowledgedCount - queue.paged.count],
  ["queue_messages_ready_ram", (queue) => queue.readyCount - queue.paged.count],
  ["queue_messages_unacked_ram", (queue) => queue.unacknowledgedCount],
  ["queue_messages_paged_out", (queue) => queue.paged.count],
  ["queue_messages_paged_out_bytes", (queue) => queue.paged.bytes],
  ["queue_messages_persistent", (queue) => queue.persistentCount],
  ["queue_messages_persistent_bytes", (queue) => queue.persistentBytes],
  ["queue_consumers", (queue) => queue.consumerCount],
  ["queue_messages_published_total", (queue) => queue.stats.publish],
  ["queue_disk_reads_total", (queue) => queue.stats.disk_reads],
  ["queue_disk_writes_total", (queue) => queue.stats.disk_writes],
];

const ofChannel: Table<Channel> = [
  ["channel_consumers", (channel) => channel.consumers.size],
  ["channel_messages_unacked", (channel) => channel.heldCount],
  ["channel_messages_unconfirmed", (channel) => channel.confirms?.waitingCount ?? 0],
  ["channel_messages_uncommitted", (channel) => channel.transaction?.publishes.length ?? 0],
  ["channel_acks_uncommitted", (channel) => channel.transaction?.settlements.length ?? 0],
  ["consumer_prefetch", (channel) => channel.prefetchOfNext],
  ["channel_prefetch", (channel) => channel.prefetch],
];

const ofStats: Table<Channel["stats"]> = [
  ["channel_messages_published_total", (stats) => stats.publish],
  ["channel_messages_confirmed_total", (stats) => stats.confirm],
  ["channel_messages_unroutable_returned_total", (stats) => stats.return_unroutable],
  ["channel_messages_unroutable_dropped_total", (stats) => stats.drop_unroutable],
  ["channel_messages_delivered_total", (stats) => stats.deliver_no_ack],
  ["channel_messages_delivered_ack_total", (stats) => stats.deliver],
  ["channel_messages_redelivered_total", (stats) => stats.redeliver],
  ["channel_messages_acked_total", (stats) => stats.ack],
  ["channel_get_total", (stats) => stats.get_no_ack],
  ["channel_get_ack_total", (stats) => stats.get],
  ["channel_get_empty_total", (stats) => stats.get_empty],
];

const ofConnection: Table<Connection> = [
  ["connection_incoming_bytes_total", ({ traffic }) => traffic.recv_oct],
  ["connection_outgoing_bytes_total", ({ traffic }) => traffic.send_oct],
  ["connection_incoming_packets_total", ({ traffic }) => traffic.recv_cnt],
  ["connection_outgoing_packets_total", ({ traffic }) => traffic.send_cnt],
  ["connection_channels", ({ channels }) => channels.length],
];

/** Of the whole broker, whichever channels have closed meanwhile. Those of the second list tell of queues. */
const ofProtocol: Table<Channel["stats"]> = [
  ["global_messages_received_total", (stats) => stats.publish],
  ["global_messages_routed_total", (s) => s.publish - s.drop_unroutable - s.return_unroutable],
  ["global_messages_confirmed_total", (stats) => stats.confirm],
  ["global_messages_unroutable_returned_total", (stats) => stats.return_unroutable],
  ["global_messages_unroutable_dropped_total", (stats) => stats.drop_unroutable],
];
const ofQueueType: Table<Channel["stats"]> = [
  ["global_messages_delivered_total", (s) => s.deliver + s.deliver_no_ack + s.get + s.get_no_ack],
  ["global_messages_delivered_consume_auto_ack_total", (stats) => stats.deliver_no_ack],
  ["global_messages_delivered_consume_manual_ack_total", (stats) => stats.deliver],
  ["global_messages_delivered_get_auto_ack_total", (stats) => stats.get_no_ack],
  ["global_messages_delivered_get_manual_ack_total", (stats) => stats.get],
  ["global_messages_get_empty_total", (stats) => stats.get_empty],
  ["global_messages_redelivered_total", (stats) => stats.redeliver],
  ["global_messages_acknowledged_total", (stats) => stats.ack],
];

export interface Measured {
  readonly broker: Broker;
  readonly node: Node;
}

/** `isPerObject` shows each queue, channel and connection; in turns, since there may be many. */
export async function* metricsText(measured: Measured, isPerObject: boolean): AsyncGenerator<string> {
  const metrics = metricsRegistry();
  const { broker } = measured;
  nodeMetrics(metrics, measured);
  globalMetrics(metrics, broker);
  const connections = [...broker.connections].filter(({ host }) => host !== null);
  if (!isPerObject) totalMetrics(metrics, broker, connections);
  yield await metrics.text();
  if (isPerObject) yield* objectText(broker, connections);
}

type Labels = Readonly<Record<string, string>>;

function put<T>(metrics: Metrics, table: Table<T>, of: T, labels: Labels = {}): void {
  for (const [suffix, value] of table) {
    const name = `rabbitmq_${suffix}`;
    // One series of one object may be told in parts, as totals are.
    if (name.endsWith("_total")) metrics.count(name, labels, value(of));
    else metrics.gauge(name, value(of), labels);
  }
}

function nodeMetrics(metrics: Metrics, { broker, node }: Measured): void {
  const { churn } = broker;
  const facts = node.facts();
  metrics.gauge("rabbitmq_build_info", 1, {
    rabbitmq_version: rabbitVersion,
    product_name: "Micronova",
    product_version: productVersion,
  });
  metrics.gauge("rabbitmq_identity_info", 1, { rabbitmq_node: node.name, rabbitmq_cluster: "micronova" });
  const gauges: Readonly<Record<string, number>> = {
    alarms_file_descriptor_limit: 0,
    alarms_free_disk_space_watermark: Number(facts.disk_free_alarm),
    alarms_memory_used_watermark: Number(facts.mem_alarm),
    process_open_fds: facts.fd_used,
    process_max_fds: facts.fd_total,
    process_open_tcp_sockets: facts.sockets_used,
    process_max_tcp_sockets: facts.sockets_total,
    process_resident_memory_bytes: facts.mem_used,
    resident_memory_limit_bytes: facts.mem_limit,
    disk_space_available_bytes: facts.disk_free,
    disk_space_available_limit_bytes: facts.disk_free_limit,
  };
  for (const [name, value] of Object.entries(gauges)) metrics.gauge(`rabbitmq_${name}`, value);
  const counters: Readonly<Record<string, number>> = {
    connections_opened_total: churn.connection_created,
    connections_closed_total: churn.connection_closed,
    channels_opened_total: churn.channel_created,
    channels_closed_total: churn.channel_closed,
    queues_declared_total: churn.queue_declared,
    queues_created_total: churn.queue_created,
    queues_deleted_total: churn.queue_deleted,
  };
  for (const [name, value] of Object.entries(counters)) metrics.count(`rabbitmq_${name}`, {}, value);
  for (const [protocol, auth] of [["amqp091", broker.auth] as const, ["http", broker.httpAuth] as const])
    for (const [name, value] of Object.entries(auth))
      metrics.count(`rabbitmq_${name}_total`, { protocol }, value);
}

function globalMetrics(metrics: Metrics, { hosts }: Broker): void {
  const protocol = "amqp091";
  for (const host of hosts.values()) {
    const { total } = host.stats;
    put(metrics, ofProtocol, total, { protocol });
    // Quorum queues are the same queues here: a quorum of one.
    put(metrics, ofQueueType, total, { protocol, queue_type: "rabbit_classic_queue" });
  }
}

async function* objectText({ hosts }: Broker, connections: readonly Connection[]): AsyncGenerator<string> {
  const queues = [...hosts.values()].flatMap(({ name: vhost, queues: all }) =>
    all.map((of) => ({ of, labels: labelsText({ vhost, queue: of.name }) })),
  );
  // RabbitMQ's label for both.
  const all = connections.map((of) => ({ of, labels: labelsText({ channel: of.name }) }));
  const channels = connections.flatMap((connection) =>
    connection.channels.map((of) => ({
      of,
      labels: labelsText({ channel: `${connection.name} (${of.number})`, vhost: of.host.name }),
    })),
  );
  yield* seriesOf(ofQueue, queues);
  yield* seriesOf(ofConnection, all);
  yield* seriesOf(ofChannel, channels);
  yield* seriesOf(
    ofStats,
    channels.map(({ of, labels }) => ({ of: of.stats, labels })),
  );
}

async function* seriesOf<T>(
  table: Table<T>,
  objects: readonly { readonly of: T; readonly labels: string }[],
): AsyncGenerator<string> {
  for (const [suffix, value] of table) {
    const name = `rabbitmq_${suffix}`;
    yield `${metricHead(name, name.endsWith("_total") ? "counter" : "gauge").join("\n")}\n`;
    for (let from = 0; from < objects.length; from += turn) {
      await setImmediate();
      const some = objects.slice(from, from + turn);
      yield some.map(({ of, labels }) => `${name}{${labels}} ${value(of)}\n`).join("");
    }
  }
}

// So many series are told before others get their turn.
const turn = 1_000;

function totalMetrics(metrics: Metrics, { hosts }: Broker, connections: readonly Connection[]): void {
  const queues = [...hosts.values()].flatMap((host) => host.queues);
  const channels = connections.flatMap((connection) => connection.channels);
  put(metrics, summed(ofQueue), queues);
  put(metrics, summed(ofChannel), channels);
  put(metrics, summed(ofConnection), connections);
  // Also of channels that have closed, so that totals never fall.
  for (const { stats } of hosts.values()) put(metrics, ofStats, stats.total);
  const consumers = queues.reduce((sum, { consumerCount }) => sum + consumerCount, 0);
  const counts = { connections: connections.length, channels: channels.length, consumers };
  for (const [name, count] of Object.entries({ ...counts, queues: queues.length }))
    metrics.gauge(`rabbitmq_${name}`, count);
}

function summed<T>(table: Table<T>): Table<readonly T[]> {
  return table.map(([name, value]) => [name, (all) => all.reduce((sum, one) => sum + value(one), 0)]);
}
