// The whole at a glance, the node, and who asks.
import { type MessageStats, rabbitVersion } from "@micronova/amqp";
import { hasTag } from "../caller.ts";
import { productVersion } from "../node.ts";
import { type Counts, hostTotals, messageCounts } from "../rates.ts";
import { type Asked, found, hostsOf, list, param, type Route, route, value } from "../routes.ts";
import { brokerCounts } from "./stats.ts";

export const overviewRoutes: readonly Route[] = [
  route("GET", "/overview", "management", (asked) => value(overview(asked))),
  route("GET", "/nodes", "monitoring", (asked) => list([nodeView(asked)])),
  route("GET", "/nodes/:node", "monitoring", (asked) =>
    value(found(param(asked, "node") === asked.node.name ? nodeView(asked) : null)),
  ),
  route("GET", "/nodes/:node/memory", "monitoring", (asked) =>
    value(found(param(asked, "node") === asked.node.name ? memoryView() : null)),
  ),
  route("GET", "/whoami", "management", ({ caller: { name, tags } }) => value({ name, tags })),
  route("GET", "/cluster-name", "management", () => value({ name: clusterName })),
  route("GET", "/extensions", "management", () => list([])),
  route("GET", "/feature-flags", "administrator", () => list([])),
  route("GET", "/auth", "management", () =>
    value({ enable_uaa: false, uaa_client_id: "", uaa_location: "" }),
  ),
  route("GET", "/auth/attempts/:node", "monitoring", ({ broker }) =>
    list([
      { protocol: "http", ...broker.httpAuth },
      { protocol: "amqp091", ...broker.auth },
    ]),
  ),
];

const clusterName = "micronova";
const exchangeTypes = ["direct", "fanout", "headers", "topic"].map((name) => ({
  name,
  description: `AMQP ${name} exchange, as per the AMQP specification`,
  enabled: true,
}));

function overview(asked: Asked) {
  const { broker, node, rates, caller } = asked;
  const isMonitor = hasTag(caller, "monitoring");
  return {
    management_version: rabbitVersion,
    rates_mode: "basic",
    exchange_types: exchangeTypes,
    product_name: "Micronova",
    product_version: productVersion,
    rabbitmq_version: rabbitVersion,
    cluster_name: clusterName,
    disable_stats: false,
    enable_queue_totals: false,
    message_stats: totalStats(asked, isMonitor),
    ...(isMonitor ? { churn_rates: rates.detailed(broker.churn, { ...broker.churn }) } : {}),
    queue_totals: queueTotals(asked, isMonitor),
    object_totals: objectTotals(asked, isMonitor),
    ...(isMonitor ? { statistics_db_event_queue: 0, node: node.name } : {}),
    ...(isMonitor ? { listeners: node.listeners, contexts: contexts(asked) } : {}),
  };
}

/** Monitors are told of all virtual hosts, others of those that they may open. */
const shownHosts = (asked: Asked, isMonitor: boolean) =>
  isMonitor ? [...asked.broker.hosts.values()] : hostsOf(asked);

function totalStats(asked: Asked, isMonitor: boolean) {
  const hosts = shownHosts(asked, isMonitor);
  const names = brokerCounts;
  const statsOf = (stats: MessageStats) => messageCounts(stats);
  const counts = sums(
    hosts.map(({ stats }) => statsOf(stats.total)),
    names,
  );
  return withRates(
    counts,
    sums(
      hosts.map(({ stats }) => asked.rates.of(stats)),
      names,
    ),
  );
}

function queueTotals(asked: Asked, isMonitor: boolean) {
  const hosts = shownHosts(asked, isMonitor);
  const names = ["messages", "messages_ready", "messages_unacknowledged"];
  return withRates(
    sums(hosts.map(hostTotals), names),
    sums(
      hosts.map((host) => asked.rates.of(host)),
      names,
    ),
  );
}

function objectTotals(asked: Asked, isMonitor: boolean) {
  const hosts = shownHosts(asked, isMonitor);
  const { name } = asked.caller;
  const connections = [...asked.broker.connections].filter(
    ({ user, host }) => host !== null && (isMonitor || user?.name === name),
  );
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return {
    channels: sum(connections.map(({ channels }) => channels.length)),
    connections: connections.length,
    consumers: sum(hosts.map(({ queues }) => sum(queues.map(({ consumerCount }) => consumerCount)))),
    // With the default one.
    exchanges: sum(hosts.map(({ exchanges }) => exchanges.length + 1)),
    queues: sum(hosts.map(({ queues }) => queues.length)),
  };
}

function sums(all: readonly Counts[], names: readonly string[]): Counts {
  return Object.fromEntries(
    names.map((name) => [name, all.reduce((sum, counts) => sum + (counts[name] ?? 0), 0)]),
  );
}

function withRates(counts: Counts, rates: Counts) {
  return Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]) => [
      [name, count],
      [`${name}_details`, { rate: rates[name] ?? 0 }],
    ]),
  );
}

function contexts({ node }: Asked) {
  return node.listeners
    .filter(({ protocol }) => protocol === "http")
    .map(({ node: name, ip_address: ip, port }) => ({
      node: name,
      description: "Micronova Management",
      path: "/",
      ip,
      port: String(port),
    }));
}

function nodeView(asked: Asked) {
  const { broker, node, rates } = asked;
  const { mem_used, fd_used, sockets_used, disk_free, ...facts } = node.facts();
  return {
    name: node.name,
    type: "disc",
    running: true,
    partitions: [],
    rates_mode: "basic",
    mem_calculation_strategy: "rss",
    exchange_types: exchangeTypes,
    auth_mechanisms: ["PLAIN", "AMQPLAIN"].map((name) => ({
      name,
      description: `SASL ${name}`,
      enabled: true,
    })),
    applications: [{ name: "micronova", description: "Micronova", version: productVersion }],
    enabled_plugins: [],
    contexts: contexts(asked),
    config_files: [],
    db_dir: node.dataDir ?? "",
    cluster_links: [],
    ...facts,
    ...rates.detailed(node, { mem_used, fd_used, sockets_used, disk_free }),
    ...rates.detailed(broker.churn, { ...broker.churn }),
  };
}

function memoryView() {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    memory: {
      binary: arrayBuffers,
      other_system: rss - heapTotal - external,
      allocated_unused: heapTotal - heapUsed,
      heap_used: heapUsed,
      strategy: "rss",
      total: { rss, allocated: heapTotal + external },
    },
  };
}
