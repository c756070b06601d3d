// A consumer in process: a function that is handed deliveries and settles them by hand.
import type { Log } from "@micronova/kit";
import type { Delivery, Message } from "../bus.ts";
import type { WireForm } from "../wire-form.ts";
import type { Entry, QueueConsumer } from "./entry.ts";
import type { MessageQueue } from "./message-queue.ts";

export interface HandlerDeps {
  readonly log: Log;
  readonly form: WireForm;
}

export class HandlerConsumer implements QueueConsumer {
  readonly queue: MessageQueue;
  readonly priority = 0;
  readonly noAck = false;
  readonly isDirect = false;
  readonly isExclusive = false;
  /** What it has not settled yet, oldest first. */
  readonly held = new Set<EntryDelivery>();
  readonly #deps: HandlerDeps;
  readonly #prefetch: number;
  readonly #handle: (delivery: Delivery) => void;

  constructor(
    queue: MessageQueue,
    deps: HandlerDeps,
    prefetch: number,
    handle: (delivery: Delivery) => void,
  ) {
    this.queue = queue;
    this.#deps = deps;
    this.#prefetch = prefetch;
    this.#handle = handle;
  }

  get hasRoom(): boolean {
    return this.#prefetch === 0 || this.held.size < this.#prefetch;
  }

  takeEntry(entry: Entry): void {
    const delivery = new EntryDelivery(this, entry, entry.content.message(this.#deps.form));
    this.held.add(delivery);
    try {
      this.#handle(delivery);
    } catch (error) {
      // A handler that throws would throw again: the message is dropped rather than delivered for ever.
      this.#deps.log.error(
        { error, queue: this.queue.name, key: delivery.key },
        "message dropped, handler threw",
      );
      delivery.nack({ requeue: false });
    }
  }

  takeContent(): never {
    throw new Error("a handler acknowledges what it takes");
  }

  queueGone(): void {
    this.held.clear();
  }

  /** Gives back everything it holds, as when its connection is lost. */
  release(): void {
    for (const delivery of [...this.held]) delivery.nack({ requeue: true });
  }
}

class EntryDelivery implements Delivery {
  readonly message: Message;
  readonly exchange: string;
  readonly key: string;
  readonly redelivered: boolean;
  readonly #consumer: HandlerConsumer;
  readonly #entry: Entry;

  constructor(consumer: HandlerConsumer, entry: Entry, message: Message) {
    this.message = message;
    this.exchange = entry.content.label.exchange;
    this.key = entry.content.label.key;
    this.redelivered = entry.redelivered;
    this.#consumer = consumer;
    this.#entry = entry;
  }

  ack(): void {
    if (this.#consumer.held.delete(this)) this.#entry.queue.settle(this.#entry, "ack");
  }

  nack(options: { readonly requeue: boolean }): void {
    if (!this.#consumer.held.delete(this)) return;
    this.#entry.queue.settle(this.#entry, options.requeue ? "return" : "reject");
  }
}
