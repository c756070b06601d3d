// A consumer on a channel: what it takes goes out as `basic.deliver`, within its credit and as long as the
// connection's reader keeps up.
import { Writer } from "../codec/writer.ts";
import type { Content } from "../content.ts";
import type { Entry, QueueConsumer } from "../queue/entry.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import type { Channel } from "./channel.ts";

export interface ConsumerOptions {
  readonly tag: string;
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly priority: number;
  /** How many it may hold unacknowledged; 0 for any number. */
  readonly prefetch: number;
}

export class SocketConsumer implements QueueConsumer {
  readonly queue: MessageQueue;
  readonly tag: string;
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly isDirect = true;
  readonly priority: number;
  readonly prefetch: number;
  held = 0;
  readonly #channel: Channel;
  readonly #head: Buffer;

  constructor(channel: Channel, queue: MessageQueue, options: ConsumerOptions) {
    this.queue = queue;
    this.tag = options.tag;
    this.noAck = options.noAck;
    this.isExclusive = options.isExclusive;
    this.priority = options.priority;
    this.prefetch = options.prefetch;
    this.#channel = channel;
    this.#head = deliverHead(options.tag);
  }

  get hasRoom(): boolean {
    if (!this.noAck && this.prefetch !== 0 && this.held >= this.prefetch) return false;
    return this.#channel.hasRoomFor(this);
  }

  takeContent(content: Content, redelivered: boolean): void {
    const { output, number } = this.#channel;
    output.deliver(number, this.#head, this.#channel.nextTag(), redelivered, content);
  }

  takeEntry(entry: Entry): void {
    const { output, number } = this.#channel;
    this.held++;
    output.deliver(number, this.#head, this.#channel.hold(entry), entry.redelivered, entry.content);
  }

  queueGone(): void {
    this.#channel.consumerCancelled(this);
  }
}

function deliverHead(tag: string): Buffer {
  const writer = new Writer();
  writer.short(60);
  writer.short(60);
  writer.shortstr(tag);
  return Buffer.from(writer.written);
}
