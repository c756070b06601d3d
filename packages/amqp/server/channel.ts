// A channel: its consumers and what they hold, its publishes with their confirms or transaction. What each
// method does is in the tables of `…-methods.ts`.

import type { User } from "../access/user.ts";
import { assertWritable } from "../acts.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { Table } from "../codec/table.ts";
import type { Content } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import type { Entry } from "../queue/entry.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import { integerOf, notInteger } from "../queue/queue-arguments.ts";
import type { ExchangeStats, MessageStats } from "../statistics.ts";
import { refused, taken, type VirtualHost } from "../virtual-host.ts";
import { Confirms } from "./confirms.ts";
import type { Connection } from "./connection.ts";
import type { Output } from "./output.ts";
import { directReplyTo, Publishing } from "./publishing.ts";
import { SocketConsumer } from "./socket-consumer.ts";
import { type Settled, Transaction } from "./transaction.ts";

export interface ConsumeRequest {
  readonly queue: string;
  readonly tag: string;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly arguments: Table;
}

export type Settlement = "ack" | "return" | "reject";

export class Channel {
  readonly number: number;
  readonly connection: Connection;
  readonly output: Output;
  readonly host: VirtualHost;
  readonly user: User;
  readonly publishing: Publishing;
  readonly stats: MessageStats;
  readonly consumers = new Map<string, SocketConsumer>();
  /** What was delivered and not settled, by delivery tag, oldest first. */
  readonly #held = new Map<number, Entry>();
  #tags = 0;
  #heldByConsumers = 0;
  #wakes = 0;
  #isWaking = false;
  /** The channel's own limit of what consumers hold; 0 for none. */
  prefetch = 0;
  /** The limit that consumers get which start from now on. */
  prefetchOfNext = 0;
  /** The queue declared last: what an empty name means. */
  lastQueue = "";
  confirms: Confirms | null = null;
  transaction: Transaction | null = null;
  isFlowing = true;
  /** A close was sent; until it is answered, nothing else is heard. */
  isClosing = false;
  #isClosed = false;
  #replyQueue: string | null = null;

  constructor(connection: Connection, number: number, host: VirtualHost, user: User) {
    this.connection = connection;
    this.number = number;
    this.output = connection.output;
    this.host = host;
    this.user = user;
    this.stats = host.stats.open();
    this.publishing = new Publishing({
      host,
      user,
      assertWritable: (exchange) => assertWritable(this, exchange),
      replyQueue: () => this.#replyQueue,
      publish: (content, mandatory, queues, exchange) => this.#publish(content, mandatory, queues, exchange),
    });
  }

  get owner(): object {
    return this.connection;
  }

  // Deliveries

  /** The channel's limit holds for all its consumers, also for those that acknowledge nothing. */
  get hasRoom(): boolean {
    if (!this.isFlowing || !this.output.hasRoom) return false;
    return this.prefetch === 0 || this.#heldByConsumers < this.prefetch;
  }

  nextTag(): number {
    return ++this.#tags;
  }

  /** Remembers what is delivered until it is settled; returns its tag. */
  hold(entry: Entry): number {
    const tag = ++this.#tags;
    this.#held.set(tag, entry);
    if (entry.holder !== null) this.#heldByConsumers++;
    return tag;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  settle(tag: number, multiple: boolean, how: Settlement): void {
    if (!multiple) {
      const entry = this.#held.get(tag);
      if (entry === undefined) throw unknownTag(tag);
      this.#take(tag, entry, how);
    } else for (const [one, entry] of this.#heldUpTo(tag)) this.#take(one, entry, how);
  }

  /** Gives back everything that is held. */
  recover(): void {
    for (const [tag, entry] of [...this.#held]) {
      this.#held.delete(tag);
      this.settleEntry(entry, "return");
    }
  }

  /** What a transaction had settled is held again, in its old order. */
  #holdAgain(settlements: readonly Settled[]): void {
    if (settlements.length === 0) return;
    const all = [...this.#held, ...settlements.map(({ tag, entry }) => [tag, entry] as const)];
    this.#held.clear();
    for (const [tag, entry] of all.sort(([one], [other]) => one - other)) this.#held.set(tag, entry);
  }

  /** Settles one that is held, or lets the transaction do it at its end. */
  #take(tag: number, entry: Entry, how: Settlement): void {
    this.#held.delete(tag);
    if (this.transaction === null) this.settleEntry(entry, how);
    else this.transaction.settlements.push({ tag, entry, how });
  }

  settleEntry(entry: Entry, how: Settlement): void {
    if (how === "ack") {
      this.stats.ack++;
      entry.queue.stats.ack++;
    }
    const { holder } = entry;
    if (holder instanceof SocketConsumer) {
      holder.held--;
      this.#heldByConsumers--;
    }
    // Before its own queue, which asks for a turn as well: of what the channel may take all get a share.
    if (this.prefetch !== 0) this.wake();
    entry.queue.settle(entry, how);
  }

  #heldUpTo(tag: number): readonly (readonly [tag: number, entry: Entry])[] {
    if (tag === 0) return [...this.#held];
    if (tag > this.#tags) throw unknownTag(tag);
    const held: [number, Entry][] = [];
    for (const one of this.#held) {
      if (one[0] > tag) break;
      held.push(one);
    }
    if (held.length === 0) throw unknownTag(tag);
    return held;
  }

  /**
   * Consumers may have room again; within a turn it is enough to say so once. They begin one after the other,
   * since the first may take all there is.
   */
  wake(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
    });
    const consumers = [...this.consumers.values()];
    const first = this.#wakes++ % Math.max(1, consumers.length);
    for (const { queue } of [...consumers.slice(first), ...consumers.slice(0, first)]) queue.wake();
  }

  // Consumers

  consume(queue: MessageQueue, request: ConsumeRequest): SocketConsumer {
    const { "x-priority": wanted = 0 } = request.arguments;
    const priority = integerOf(wanted) ?? null;
    if (priority === null) throw amqpErrors.badArgument(queue.name, "x-priority", notInteger(wanted));
    const consumer = new SocketConsumer(this, queue, {
      tag: request.tag,
      noAck: request.noAck,
      isExclusive: request.exclusive,
      priority,
      prefetch: this.prefetchOfNext,
      arguments: request.arguments,
    });
    queue.add(consumer);
    this.consumers.set(request.tag, consumer);
    return consumer;
  }

  /** Makes the queue that direct answers come to. */
  openReplyQueue(name: string): MessageQueue {
    if (this.#replyQueue !== null) throw new ReplyError("PRECONDITION_FAILED", "reply consumer already set");
    this.#replyQueue = `${directReplyTo}.${name}`;
    const spec = { name: this.#replyQueue, durable: false, exclusive: true, autoDelete: true, arguments: {} };
    return this.host.declareQueue(spec, this.connection);
  }

  cancel(tag: string): void {
    const consumer = this.consumers.get(tag);
    if (consumer === undefined) return;
    this.consumers.delete(tag);
    if (consumer.queue.name === this.#replyQueue) this.#replyQueue = null;
    consumer.queue.remove(consumer);
    this.host.consumerLeft(consumer.queue);
  }

  /** Its queue was deleted: the client is told, if it understands. */
  consumerCancelled(consumer: SocketConsumer): void {
    this.consumers.delete(consumer.tag);
    if (!this.connection.client.cancelsConsumers) return;
    // Whoever has deleted it hears of that first.
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.output.method(this.number, "basic.cancel", { consumerTag: consumer.tag, noWait: true });
    });
  }

  // Publishes

  #publish(
    content: Content,
    mandatory: boolean,
    queues: readonly MessageQueue[] | null,
    exchange: ExchangeStats,
  ): void {
    this.stats.publish++;
    if (this.transaction !== null) {
      this.transaction.publishes.push([content, mandatory]);
      content.keep();
      return;
    }
    const outcome = this.publishNow(content, mandatory, queues, exchange);
    if (this.confirms === null) return;
    if (outcome === refused) this.confirms.refused();
    else this.confirms.taken(outcome);
  }

  /** Puts a message into its queues, as `VirtualHost.enqueue` says, or returns it to its sender. */
  publishNow(
    content: Content,
    mandatory: boolean,
    routed: readonly MessageQueue[] | null = null,
    exchange = this.host.exchangeOrDefault(content.label.exchange).stats,
  ): number {
    const queues = routed ?? this.host.route(content);
    if (routed === null) content.hideBcc();
    exchange.publish_in++;
    exchange.publish_out += queues.length;
    if (queues.length > 0) return this.host.enqueue(queues, content);
    if (mandatory) this.#returnContent(content);
    else this.stats.drop_unroutable++;
    return taken;
  }

  selectConfirms(): void {
    if (this.transaction !== null)
      throw new ReplyError("PRECONDITION_FAILED", "cannot switch from tx to confirm mode");
    this.confirms ??= new Confirms(this, this.connection.journal);
  }

  selectTransaction(): void {
    if (this.confirms !== null)
      throw new ReplyError("PRECONDITION_FAILED", "cannot switch from confirm to tx mode");
    this.transaction ??= new Transaction();
  }

  /** Forgets what the transaction was told. */
  rollBack(): void {
    if (this.transaction === null) return;
    this.#holdAgain(this.transaction.settlements);
    this.transaction.clear();
  }

  #returnContent(content: Content): void {
    const { exchange, key } = content.label;
    this.stats.return_unroutable++;
    this.output.method(this.number, "basic.return", {
      replyCode: 312,
      replyText: "NO_ROUTE",
      exchange,
      routingKey: key,
    });
    this.output.content(this.number, content);
    this.connection.holdIfFlooded();
  }

  // The end

  /** Everything it holds goes back, in its old place. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.confirms !== null) this.confirms.isClosed = true;
    this.publishing.abandon();
    for (const tag of [...this.consumers.keys()]) this.cancel(tag);
    this.rollBack();
    this.recover();
    this.host.stats.close(this.stats);
    this.connection.channelClosed();
  }
}

function unknownTag(tag: number): ReplyError {
  return new ReplyError("PRECONDITION_FAILED", `unknown delivery tag ${tag}`);
}
