// One queue: messages in order, consumers that take turns, and what they hold unacknowledged. Knows no
// exchange and no socket; it asks its broker for a turn (`wake`) and delivers when it gets one, never on a
// publisher's stack.
import type { Log, Millis } from "@micronova/kit";
import type { Delivery, Message, Queue } from "../bus.ts";
import { amqpErrors } from "../errors.ts";
import { Deque } from "./deque.ts";

/** A message in a queue. `place` is its position for life, so that one returned goes back where it stood. */
interface Entry {
  readonly message: Message;
  readonly exchange: string;
  readonly key: string;
  readonly place: number;
  readonly expiresAt: Millis;
  redelivered: boolean;
}

export interface QueueDeps {
  readonly log: Log;
  readonly now: () => Millis;
  /** Asks for a turn to deliver. */
  readonly wake: (queue: MessageQueue) => void;
}

// Enough for a burst, small enough that a queue without consumers does not take the process down.
const lengthMaxDefault = 100_000;

export class MessageQueue {
  readonly spec: Queue;
  /** Whose it is alone; null when it may be shared. */
  readonly owner: object | null;
  readonly #deps: QueueDeps;
  readonly #ready = new Deque<Entry>();
  #consumers: QueueConsumer[] = [];
  #turn = 0;
  #places = 0;
  #unacknowledged = 0;
  #expiring = 0;
  #unusedSince: Millis;

  constructor(spec: Queue, owner: object | null, deps: QueueDeps) {
    this.spec = spec;
    this.owner = owner;
    this.#deps = deps;
    this.#unusedSince = deps.now();
  }

  get readyCount(): number {
    this.dropExpired();
    return this.#ready.size;
  }

  get unacknowledgedCount(): number {
    return this.#unacknowledged;
  }

  get consumerCount(): number {
    return this.#consumers.length;
  }

  /** Whether time alone can change it. */
  get isPerishable(): boolean {
    return this.#expiring > 0 || (this.spec.expiresMs !== undefined && this.#consumers.length === 0);
  }

  /** Whether it has been without consumers for longer than it may. */
  get isUnused(): boolean {
    const { expiresMs } = this.spec;
    if (expiresMs === undefined || this.#consumers.length > 0) return false;
    return this.#deps.now() - this.#unusedSince >= expiresMs;
  }

  /** Declared again: counts as use. */
  touch(): void {
    this.#unusedSince = this.#deps.now();
  }

  /** Whether one more message may come; throws when that must be the publisher's problem. */
  assertRoom(): void {
    const lengthMax = this.spec.lengthMax ?? lengthMaxDefault;
    if (this.#ready.size < lengthMax || this.spec.overflow === "drop-oldest") return;
    if (this.readyCount >= lengthMax) throw amqpErrors.queueFull(this.spec.name, lengthMax);
  }

  push(message: Message, exchange: string, key: string): void {
    const { expirationMs } = message;
    const expiresAt = expirationMs === undefined ? Number.POSITIVE_INFINITY : this.#deps.now() + expirationMs;
    if (expirationMs !== undefined) this.#expiring++;
    this.#ready.push({ message, exchange, key, place: this.#places++, expiresAt, redelivered: false });
    if (this.#ready.size > (this.spec.lengthMax ?? lengthMaxDefault)) this.#take();
    this.#deps.wake(this);
  }

  add(prefetch: number, handle: (delivery: Delivery) => void): QueueConsumer {
    const consumer = new QueueConsumer(this, prefetch, handle);
    this.#consumers.push(consumer);
    this.#deps.wake(this);
    return consumer;
  }

  /** Ends a consumer's deliveries; what it holds stays with it. */
  cancel(consumer: QueueConsumer): void {
    this.#consumers = this.#consumers.filter((other) => other !== consumer);
    this.touch();
  }

  /** Delivers up to `countMax` messages; true when there may be more to deliver. */
  deliver(countMax: number): boolean {
    for (let delivered = 0; delivered < countMax; delivered++) {
      this.dropExpired();
      if (this.#ready.size === 0) return false;
      const consumer = this.#next();
      if (consumer === null) return false;
      // `size` says that there is one.
      const entry = this.#take() as Entry;
      this.#unacknowledged++;
      this.#hand(consumer, new QueueDelivery(this, consumer, entry));
    }
    return true;
  }

  /** A delivery is settled: acknowledged, dropped, or to be returned to its place. */
  settle(entry: Entry, isReturned: boolean): void {
    this.#unacknowledged--;
    if (isReturned) {
      entry.redelivered = true;
      if (entry.expiresAt !== Number.POSITIVE_INFINITY) this.#expiring++;
      this.#ready.insert(entry, (one, other) => one.place < other.place);
    }
    if (this.#ready.size > 0) this.#deps.wake(this);
  }

  /** Empties it of what waits; says how many that were. */
  purge(): number {
    const purged = this.readyCount;
    this.#ready.clear();
    this.#expiring = 0;
    return purged;
  }

  /**
   * Drops the messages at the front whose time is over. As in RabbitMQ, one behind a younger front waits its
   * turn.
   */
  dropExpired(): void {
    if (this.#expiring === 0) return;
    const now = this.#deps.now();
    for (let front = this.#ready.front(); front !== undefined; front = this.#ready.front()) {
      if (front.expiresAt > now) return;
      this.#take();
    }
  }

  #take(): Entry | undefined {
    const entry = this.#ready.shift();
    if (entry !== undefined && entry.expiresAt !== Number.POSITIVE_INFINITY) this.#expiring--;
    return entry;
  }

  /** The consumer whose turn it is among those with room. */
  #next(): QueueConsumer | null {
    const count = this.#consumers.length;
    for (let tried = 0; tried < count; tried++) {
      const consumer = this.#consumers[this.#turn++ % count]!;
      if (consumer.hasRoom) return consumer;
    }
    return null;
  }

  #hand(consumer: QueueConsumer, delivery: QueueDelivery): void {
    consumer.held.add(delivery);
    try {
      consumer.handle(delivery);
    } catch (error) {
      // A handler that throws would throw again: the message is dropped rather than delivered for ever.
      this.#deps.log.error(
        { error, queue: this.spec.name, key: delivery.key },
        "message dropped, handler threw",
      );
      delivery.nack({ requeue: false });
    }
  }
}

export class QueueConsumer {
  readonly queue: MessageQueue;
  readonly handle: (delivery: Delivery) => void;
  /** What it has not settled yet, oldest first. */
  readonly held = new Set<QueueDelivery>();
  readonly #prefetch: number;

  constructor(queue: MessageQueue, prefetch: number, handle: (delivery: Delivery) => void) {
    this.queue = queue;
    this.handle = handle;
    this.#prefetch = prefetch;
  }

  get hasRoom(): boolean {
    return this.#prefetch === 0 || this.held.size < this.#prefetch;
  }

  /** Gives back everything it holds, as when its connection is lost. */
  release(): void {
    for (const delivery of [...this.held]) delivery.nack({ requeue: true });
  }
}

class QueueDelivery implements Delivery {
  readonly message: Message;
  readonly exchange: string;
  readonly key: string;
  readonly redelivered: boolean;
  readonly #queue: MessageQueue;
  readonly #consumer: QueueConsumer;
  readonly #entry: Entry;

  constructor(queue: MessageQueue, consumer: QueueConsumer, entry: Entry) {
    this.message = entry.message;
    this.exchange = entry.exchange;
    this.key = entry.key;
    this.redelivered = entry.redelivered;
    this.#queue = queue;
    this.#consumer = consumer;
    this.#entry = entry;
  }

  ack(): void {
    if (this.#consumer.held.delete(this)) this.#queue.settle(this.#entry, false);
  }

  nack(options: { readonly requeue: boolean }): void {
    if (this.#consumer.held.delete(this)) this.#queue.settle(this.#entry, options.requeue);
  }
}
