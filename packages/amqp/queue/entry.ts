// A message in a queue, and who consumes from a queue. `place` is a message's position for life, so that one
// returned goes back where it stood.
import type { Millis } from "@micronova/kit";
import type { Table } from "../codec/table.ts";
import type { Content } from "../content.ts";
import type { ConsumerPlace } from "../status/queue-status.ts";
import type { MessageQueue } from "./message-queue.ts";

/** A message of an earlier run: its number in the journal, and when it came. */
export interface RestoredMessage {
  readonly id: number;
  readonly at: Millis;
  readonly content: Content;
}

/** Messages of an earlier run, not yet read. */
export interface RestoredPage {
  readonly count: number;
  readonly bodyBytes: number;
  /** Whether one of them says how long it may stay. */
  readonly mayExpire: boolean;
  /** Called once. */
  read(): readonly RestoredMessage[];
}

export class Entry {
  readonly queue: MessageQueue;
  readonly content: Content;
  readonly place: number;
  readonly expiresAt: Millis;
  /** Its number in the journal; 0 when it is not there. */
  readonly journalId: number;
  /** What it counts in its queue, whatever its content's other form may weigh. */
  readonly size: number;
  redelivered: boolean;
  /** How often it was given back. */
  returns: number;
  /** Who holds it, while it is neither in the queue nor settled. */
  holder: QueueConsumer | null = null;

  constructor(fields: {
    readonly queue: MessageQueue;
    readonly content: Content;
    readonly place: number;
    readonly expiresAt: Millis;
    readonly journalId: number;
    readonly size: number;
    readonly redelivered: boolean;
    readonly returns: number;
  }) {
    this.queue = fields.queue;
    this.content = fields.content;
    this.place = fields.place;
    this.expiresAt = fields.expiresAt;
    this.journalId = fields.journalId;
    this.size = fields.size;
    this.redelivered = fields.redelivered;
    this.returns = fields.returns;
  }

  /** As whoever takes it gets it. */
  get delivered(): Content {
    return this.queue.delivered(this.content, this.returns);
  }
}

/** Who takes messages out of a queue: a handler in process, or a channel of a connection. */
export interface QueueConsumer {
  readonly queue: MessageQueue;
  readonly tag: string;
  /** How many it may hold unacknowledged; 0 for any number. */
  readonly prefetch: number;
  /** Others get messages only when those of a higher priority have no room. */
  readonly priority: number;
  /** What it takes is settled at once. */
  readonly noAck: boolean;
  /** Whether it may be handed a message on the publisher's stack: a socket may, a handler may not. */
  readonly isDirect: boolean;
  readonly isExclusive: boolean;
  readonly arguments: Table;
  /** Null in the broker's own process. */
  readonly place: ConsumerPlace | null;
  readonly hasRoom: boolean;
  /** For consumers without acknowledgement. */
  takeContent(content: Content, redelivered: boolean): void;
  /** For the others: it is theirs until they settle it. */
  takeEntry(entry: Entry): void;
  /** The queue was deleted under it. */
  queueGone(): void;
}
