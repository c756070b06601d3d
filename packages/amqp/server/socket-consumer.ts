// A consumer on a channel: what it takes goes out as `basic.deliver`, within its credit and as long as the
// connection's reader keeps up.
import type { Table } from "../codec/table.ts";
import { Writer } from "../codec/writer.ts";
import type { Content } from "../content.ts";
import type { Entry, QueueConsumer } from "../queue/entry.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import type { MessageStats } from "../statistics.ts";
import type { ConsumerPlace } from "../status/queue-status.ts";
import type { Channel } from "./channel.ts";

export interface ConsumerOptions {
  readonly tag: string;
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly priority: number;
  /** How many it may hold unacknowledged; 0 for any number. */
  readonly prefetch: number;
  readonly arguments: Table;
}

export class SocketConsumer implements QueueConsumer {
  readonly queue: MessageQueue;
  readonly tag: string;
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly isDirect = true;
  readonly priority: number;
  readonly prefetch: number;
  readonly arguments: Table;
  held = 0;
  readonly channel: Channel;
  readonly #stats: MessageStats;
  readonly #head: Buffer;

  constructor(channel: Channel, queue: MessageQueue, options: ConsumerOptions) {
    this.queue = queue;
    this.tag = options.tag;
    this.noAck = options.noAck;
    this.isExclusive = options.isExclusive;
    this.priority = options.priority;
    this.prefetch = options.prefetch;
    this.arguments = options.arguments;
    this.channel = channel;
    this.#stats = channel.stats;
    this.#head = deliverHead(options.tag);
  }

  get place(): ConsumerPlace {
    const { connection, number, user } = this.channel;
    return { connection: connection.name, ...connection.peer, number, user: user.name };
  }

  get hasRoom(): boolean {
    if (!this.noAck && this.prefetch !== 0 && this.held >= this.prefetch) return false;
    return this.channel.hasRoom;
  }

  takeContent(content: Content, redelivered: boolean): void {
    const { output, number } = this.channel;
    this.#stats.deliver_no_ack++;
    if (redelivered) this.#stats.redeliver++;
    output.deliver(number, this.#head, this.channel.nextTag(), redelivered, content);
  }

  takeEntry(entry: Entry): void {
    const { output, number } = this.channel;
    this.#stats.deliver++;
    if (entry.redelivered) this.#stats.redeliver++;
    this.held++;
    output.deliver(number, this.#head, this.channel.hold(entry), entry.redelivered, entry.delivered);
  }

  queueGone(): void {
    this.channel.consumerCancelled(this);
  }
}

function deliverHead(tag: string): Buffer {
  const writer = new Writer();
  writer.short(60);
  writer.short(60);
  writer.shortstr(tag);
  return Buffer.from(writer.written);
}
