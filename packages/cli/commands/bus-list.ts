// `micronova bus queues|exchanges|bindings|connections|channels|consumers|status`: what is in a bus, as
// `rabbitmqctl list_…` shows it. Columns are those of RabbitMQ's management API; rabbitmqctl's names for them
// are understood too.
import { type BusOptions, reachBus } from "../bus-api.ts";
import { columnsOf, type Format, printRows, type Row } from "../table.ts";

export interface ListOptions extends BusOptions {
  readonly format: Format;
  readonly vhost: string;
}

interface Listing {
  /** Within the API; `vhost` is encoded already. */
  readonly path: (vhost: string) => string;
  /** What is shown when no columns are named. */
  readonly usual: readonly string[];
  readonly more: readonly string[];
}

const stats = ["message_stats"];

export const listings = {
  queues: {
    path: (vhost) => `/queues/${vhost}`,
    usual: ["name", "messages"],
    more: [
      ...["vhost", "type", "state", "durable", "auto_delete", "exclusive", "arguments", "node", "policy"],
      ...["messages_ready", "messages_unacknowledged", "messages_persistent", "messages_ram"],
      ...["messages_paged_out", "message_bytes", "message_bytes_ready", "message_bytes_unacknowledged"],
      ...["message_bytes_persistent", "message_bytes_ram", "message_bytes_paged_out"],
      ...["head_message_timestamp", "consumers", "consumer_utilisation", "consumer_capacity", "memory"],
      ...["exclusive_consumer_tag", "single_active_consumer_tag", "owner_pid_details", ...stats],
    ],
  },
  exchanges: {
    path: (vhost) => `/exchanges/${vhost}`,
    usual: ["name", "type"],
    more: ["vhost", "durable", "auto_delete", "internal", "arguments", "policy", ...stats],
  },
  bindings: {
    path: (vhost) => `/bindings/${vhost}`,
    usual: ["source", "destination", "destination_type", "routing_key", "arguments"],
    more: ["vhost", "properties_key"],
  },
  connections: {
    path: () => "/connections",
    usual: ["user", "peer_host", "peer_port", "state"],
    more: [
      ...["name", "user_provided_name", "vhost", "host", "port", "protocol", "auth_mechanism", "node"],
      ...["ssl", "ssl_protocol", "ssl_cipher", "connected_at", "timeout", "frame_max", "channel_max"],
      ...["channels", "client_properties", "recv_oct", "recv_cnt", "send_oct", "send_cnt", "send_pend"],
      ...["recv_oct_details", "send_oct_details", "type"],
    ],
  },
  channels: {
    path: () => "/channels",
    usual: ["name", "user", "consumer_count", "messages_unacknowledged"],
    more: [
      ...["number", "vhost", "state", "confirm", "transactional", "prefetch_count", "node"],
      ...["global_prefetch_count", "messages_unconfirmed", "messages_uncommitted", "acks_uncommitted"],
      ...["connection_details", ...stats],
    ],
  },
  consumers: {
    path: (vhost) => `/consumers/${vhost}`,
    usual: ["queue", "channel", "consumer_tag", "ack_required", "prefetch_count", "active", "arguments"],
    more: ["exclusive", "activity_status", "channel_details"],
  },
} as const satisfies Readonly<Record<string, Listing>>;

/** rabbitmqctl's names for columns that the API calls otherwise. */
const otherNames: Readonly<Record<string, string>> = {
  queue_name: "queue",
  channel_pid: "channel",
  source_name: "source",
  destination_name: "destination",
  destination_kind: "destination_type",
};

/** Where the API has what consumers are shown with. */
const inApi: Readonly<Record<string, string>> = { channel: "channel_details.name" };

export async function listBus(
  what: keyof typeof listings,
  asked: readonly string[],
  options: ListOptions,
): Promise<void> {
  const { path, usual, more }: Listing = listings[what];
  // A dot leads into a column that is an object, such as `message_stats.publish_details.rate`.
  const tops = asked.map((column) => otherNames[column] ?? column).map((column) => column.split(".")[0]!);
  columnsOf(tops, [...usual, ...more]);
  const columns = asked.length === 0 ? usual : asked;
  const api = await reachBus(options);
  const wanted = columns.map((column) => otherNames[column] ?? column);
  const query = new URLSearchParams({ columns: wanted.map((name) => inApi[name] ?? name).join(",") });
  const items = await api.get(`${path(encodeURIComponent(options.vhost))}?${query}`);
  printRows(
    options.format,
    columns,
    items.map((item: Item) => rowOf(flat(item), columns)),
  );
}

type Item = Readonly<Record<string, unknown>>;

/** What is an object in the API and a name to people. */
function flat(item: Item): Item {
  const { queue, channel_details: channel } = item as { queue?: Item; channel_details?: Item };
  return {
    ...item,
    ...(queue === undefined ? {} : { queue: queue["name"] }),
    ...(channel === undefined ? {} : { channel: channel["name"] }),
  };
}

function rowOf(item: Item, columns: readonly string[]): Row {
  return Object.fromEntries(
    columns.map((column) => [column, cellOf(at(item, (otherNames[column] ?? column).split(".")))]),
  );
}

function at(item: Item, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) =>
      typeof found === "object" && found !== null && Object.hasOwn(found, name)
        ? (found as Item)[name]
        : undefined,
    item,
  );
}

function cellOf(value: unknown): Row[string] {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  return typeof value === "string" ? value : JSON.stringify(value);
}
