// A consumer in process: a function that is handed deliveries and settles them by hand.
import type { Log } from "@micronova/kit";
import type { Delivery, Message } from "../bus.ts";
import type { MessageStats } from "../statistics.ts";
import type { WireForm } from "../wire-form.ts";
import type { Entry, QueueConsumer } from "./entry.ts";
import type { MessageQueue } from "./message-queue.ts";

export interface HandlerDeps {
  readonly log: Log;
  readonly form: WireForm;
  /** Where its bus counts. */
  readonly stats: MessageStats;
}

export class HandlerConsumer implements QueueConsumer {
  readonly queue: MessageQueue;
  readonly priority = 0;
  readonly noAck = false;
  readonly isDirect = false;
  readonly isExclusive = false;
  readonly arguments = {};
  readonly place = null;
  /** What it has not settled yet, oldest first. */
  readonly held = new Set<EntryDelivery>();
  readonly tag: string;
  readonly prefetch: number;
  readonly #deps: HandlerDeps;
  readonly #handle: (delivery: Delivery) => void;

  constructor(
    queue: MessageQueue,
    deps: HandlerDeps,
    { tag, prefetch }: { readonly tag: string; readonly prefetch: number },
    handle: (delivery: Delivery) => void,
  ) {
    this.queue = queue;
    this.tag = tag;
    this.prefetch = prefetch;
    this.#deps = deps;
    this.#handle = handle;
  }

  get hasRoom(): boolean {
    return this.prefetch === 0 || this.held.size < this.prefetch;
  }

  takeEntry(entry: Entry): void {
    const delivery = new EntryDelivery(this, entry, this.#deps.form);
    this.held.add(delivery);
    this.#deps.stats.deliver++;
    if (entry.redelivered) this.#deps.stats.redeliver++;
    try {
      this.#handle(delivery);
    } catch (error) {
      // A handler that throws would throw again: the message goes where its queue's dead letters go.
      this.#deps.log.error(
        { error, queue: this.queue.name, key: delivery.key },
        "message rejected, handler threw",
      );
      delivery.nack({ requeue: false });
    }
  }

  /** Settles what it still holds. */
  settle(delivery: EntryDelivery, entry: Entry, how: "ack" | "return" | "reject"): void {
    if (!this.held.delete(delivery)) return;
    if (how === "ack") {
      this.#deps.stats.ack++;
      this.queue.stats.ack++;
    }
    this.queue.settle(entry, how);
  }

  takeContent(): never {
    throw new Error("a handler acknowledges what it takes");
  }

  queueGone(): void {
    // Nothing comes back to a queue that is gone; the journal is told all the same.
    for (const delivery of [...this.held]) delivery.nack({ requeue: false });
  }

  /** Gives back everything it holds, as when its connection is lost. */
  release(): void {
    for (const delivery of [...this.held]) delivery.nack({ requeue: true });
  }
}

class EntryDelivery implements Delivery {
  readonly exchange: string;
  readonly key: string;
  readonly redelivered: boolean;
  readonly #consumer: HandlerConsumer;
  readonly #entry: Entry;
  readonly #form: WireForm;

  constructor(consumer: HandlerConsumer, entry: Entry, form: WireForm) {
    this.#form = form;
    this.exchange = entry.content.label.exchange;
    this.key = entry.content.label.key;
    this.redelivered = entry.redelivered;
    this.#consumer = consumer;
    this.#entry = entry;
  }

  /** Read by its handler, which then hears of it when it cannot be. */
  get message(): Message {
    return this.#entry.delivered.message(this.#form);
  }

  ack(): void {
    this.#consumer.settle(this, this.#entry, "ack");
  }

  nack(options: { readonly requeue: boolean }): void {
    this.#consumer.settle(this, this.#entry, options.requeue ? "return" : "reject");
  }
}
