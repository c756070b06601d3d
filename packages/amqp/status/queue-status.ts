// How queues and their consumers are, in the words of RabbitMQ's management API and of `list_queues`.
import type { Headers } from "../bus.ts";
import { plainTable } from "../codec/table.ts";
import type { QueueConsumer } from "../queue/entry.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import { type QueueType, typeOf } from "../queue/queue-types.ts";
import type { MessageStats } from "../statistics.ts";

export interface QueueStatus {
  readonly name: string;
  readonly vhost: string;
  readonly type: QueueType;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly exclusive: boolean;
  readonly arguments: Headers;
  readonly consumers: number;
  readonly exclusive_consumer_tag: string | null;
  readonly single_active_consumer_tag: string | null;
  /** How much of its work its consumers could take at this moment: 1 when nothing waits for them. */
  readonly consumer_capacity: number;
  readonly messages: number;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  readonly messages_persistent: number;
  readonly messages_ram: number;
  readonly messages_ready_ram: number;
  readonly messages_unacknowledged_ram: number;
  readonly messages_paged_out: number;
  readonly message_bytes: number;
  readonly message_bytes_ready: number;
  readonly message_bytes_unacknowledged: number;
  readonly message_bytes_persistent: number;
  readonly message_bytes_ram: number;
  readonly message_bytes_paged_out: number;
  /** What it takes in memory: bodies, and what is kept of each message around them. */
  readonly memory: number;
  /** Of the message that waits first, when its publisher has said it; seconds. */
  readonly head_message_timestamp: number | null;
  readonly message_stats: MessageStats;
}

export interface ConsumerStatus {
  readonly consumer_tag: string;
  readonly queue: string;
  readonly vhost: string;
  readonly ack_required: boolean;
  readonly exclusive: boolean;
  /** False while another is the single active one. */
  readonly active: boolean;
  readonly prefetch_count: number;
  readonly arguments: Headers;
  /** Null for one in the broker's own process. */
  readonly channel: ConsumerPlace | null;
}

/** Where a consumer is, when it came through a socket. */
export interface ConsumerPlace {
  readonly connection: string;
  readonly peer_host: string;
  readonly peer_port: number;
  readonly number: number;
  readonly user: string;
}

// An entry, its content and its place in the line, measured with a million of them.
const aroundBytes = 320;

export function queueStatus(vhost: string, queue: MessageQueue): QueueStatus {
  const { spec, readyCount: ready, unacknowledgedCount: held, paged } = queue;
  const { consumers, readyBytes, unacknowledgedBytes } = queue;
  const isSingleActive = queue.arguments.isSingleActive;
  return {
    name: spec.name,
    vhost,
    type: typeOf(spec),
    durable: spec.durable,
    auto_delete: spec.autoDelete,
    exclusive: spec.exclusive,
    arguments: plainTable(spec.arguments),
    consumers: consumers.length,
    exclusive_consumer_tag: consumers.find(({ isExclusive }) => isExclusive)?.tag ?? null,
    single_active_consumer_tag: isSingleActive
      ? (consumers.find((consumer) => queue.isActive(consumer))?.tag ?? null)
      : null,
    consumer_capacity: capacity(consumers, ready),
    messages: ready + held,
    messages_ready: ready,
    messages_unacknowledged: held,
    messages_persistent: queue.persistentCount,
    messages_ram: ready + held - paged.count,
    messages_ready_ram: ready - paged.count,
    messages_unacknowledged_ram: held,
    messages_paged_out: paged.count,
    message_bytes: readyBytes + unacknowledgedBytes,
    message_bytes_ready: readyBytes,
    message_bytes_unacknowledged: unacknowledgedBytes,
    message_bytes_persistent: queue.persistentBytes,
    message_bytes_ram: readyBytes + unacknowledgedBytes - paged.bytes,
    message_bytes_paged_out: paged.bytes,
    memory: readyBytes + unacknowledgedBytes - paged.bytes + (ready + held - paged.count) * aroundBytes,
    head_message_timestamp: queue.head?.wireProperties?.fields.timestamp ?? null,
    message_stats: queue.stats,
  };
}

export function consumerStatus(vhost: string, consumer: QueueConsumer): ConsumerStatus {
  const { queue } = consumer;
  return {
    consumer_tag: consumer.tag,
    queue: queue.name,
    vhost,
    ack_required: !consumer.noAck,
    exclusive: consumer.isExclusive,
    active: queue.isActive(consumer),
    prefetch_count: consumer.prefetch,
    arguments: plainTable(consumer.arguments),
    channel: consumer.place,
  };
}

function capacity(consumers: readonly QueueConsumer[], ready: number): number {
  if (consumers.length === 0) return 0;
  return ready === 0 || consumers.some(({ hasRoom }) => hasRoom) ? 1 : 0;
}
