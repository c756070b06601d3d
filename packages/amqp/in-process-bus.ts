// The in-process door to a broker: messages are passed as they are, and everything it holds goes back when it
// closes.

import type { Broker } from "./broker.ts";
import type { Address, Bus, Consumer, Delivery, Exchange, Message, Queue } from "./bus.ts";
import { amqpErrors } from "./errors.ts";
import type { QueueConsumer } from "./queue/message-queue.ts";

// In process the broker is responsible as soon as `publish` returns; one resolved promise serves all.
const done = Promise.resolve();

export class InProcessBus implements Bus {
  readonly #broker: Broker;
  readonly #consumers = new Set<QueueConsumer>();
  readonly #exclusive = new Set<string>();
  #isClosed = false;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  async declare(exchange: Exchange): Promise<void> {
    this.#assertOpen();
    this.#broker.declareExchange(exchange);
  }

  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void> {
    try {
      this.#assertOpen();
      const taken = this.#broker.publish(to, message);
      if (taken === 0 && options?.mandatory === true) throw amqpErrors.unroutable(to.exchange, to.key);
      return done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async consume(
    queue: Queue,
    options: { readonly prefetch: number },
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#assertOpen();
    const declared = this.#broker.declareQueue(queue, this);
    if (queue.exclusive === true) this.#exclusive.add(queue.name);
    const consumer = declared.add(options.prefetch, handle);
    this.#consumers.add(consumer);
    return { cancel: async () => this.#cancel(consumer) };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const consumer of this.#consumers) {
      this.#cancel(consumer);
      consumer.release();
    }
    for (const name of this.#exclusive) this.#broker.deleteQueue(name);
  }

  /** The consumer is kept until the bus closes: it may hold messages that must go back then. */
  #cancel(consumer: QueueConsumer): void {
    consumer.queue.cancel(consumer);
    this.#broker.consumerLeft(consumer.queue);
    if (!this.#isClosed && consumer.held.size === 0) this.#consumers.delete(consumer);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw amqpErrors.closed();
  }
}
