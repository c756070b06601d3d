// The in-process door to a broker: messages are passed as they are, and everything it holds goes back when it
// closes.
import type { Log } from "@micronova/kit";
import type { Broker } from "./broker.ts";
import type { Address, Bus, ConsumeOptions, Consumer, Delivery, Exchange, Message, Queue } from "./bus.ts";
import { type Content, contentOfMessage } from "./content.ts";
import { amqpErrors } from "./errors.ts";
import { freezeMessage } from "./freeze.ts";
import { HandlerConsumer } from "./queue/handler-consumer.ts";
import type { MessageQueue } from "./queue/message-queue.ts";
import { specOf } from "./queue-spec.ts";
import type { MessageStats } from "./statistics.ts";
import { taken, type VirtualHost } from "./virtual-host.ts";

// In process the broker is responsible as soon as `publish` returns; one resolved promise serves all.
const done = Promise.resolve();
// Enough for a burst, small enough that a queue without consumers does not take the process down.
const lengthMaxDefault = 100_000;

export class InProcessBus implements Bus {
  readonly #broker: Broker;
  readonly #host: VirtualHost;
  readonly #log: Log;
  readonly #consumers = new Set<HandlerConsumer>();
  readonly #exclusive = new Set<string>();
  readonly #stats: MessageStats;
  #isClosed = false;

  constructor(broker: Broker, host: VirtualHost) {
    this.#broker = broker;
    this.#host = host;
    this.#stats = host.stats.open();
    this.#log = broker.platform.log;
  }

  async declare({ name, kind, durable, autoDelete }: Exchange): Promise<void> {
    this.#assertOpen();
    this.#host.declareExchange({
      name,
      kind,
      durable: durable ?? false,
      autoDelete: autoDelete ?? false,
      internal: false,
      arguments: {},
    });
  }

  async declareQueue(queue: Queue): Promise<void> {
    this.#assertOpen();
    if (queue.name === "") throw amqpErrors.queueUnnamed();
    this.#declareQueue(queue);
  }

  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void> {
    try {
      this.#assertOpen();
      if (this.#broker.isFreezing) freezeMessage(message);
      const content = contentOfMessage(to.exchange, to.key, message);
      const queues = this.#host.route(content);
      this.#count(to.exchange, queues.length);
      if (queues.length === 0) {
        if (options?.mandatory === true) {
          this.#stats.return_unroutable++;
          throw amqpErrors.unroutable(to.exchange, to.key);
        }
        this.#stats.drop_unroutable++;
      }
      return this.#enqueue(queues, content);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async consume(
    queue: Queue,
    options: ConsumeOptions,
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#assertOpen();
    const declared = this.#declareQueue(queue);
    const deps = { form: this.#broker.form, log: this.#log, stats: this.#stats };
    const tag = `amq.ctag-${this.#broker.newName()}`;
    const consumer = new HandlerConsumer(declared, deps, { tag, prefetch: options.prefetch }, handle);
    declared.add(consumer);
    this.#consumers.add(consumer);
    return { queue: declared.name, cancel: async () => this.#cancel(consumer) };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const consumer of this.#consumers) {
      this.#cancel(consumer);
      consumer.release();
    }
    for (const name of this.#exclusive) this.#host.deleteQueue(name);
    this.#host.stats.close(this.#stats);
  }

  #count(exchange: string, queues: number): void {
    this.#stats.publish++;
    const { stats } = this.#host.exchangeOrDefault(exchange);
    stats.publish_in++;
    stats.publish_out += queues;
  }

  /** All of the queues have room, or none gets it. */
  #enqueue(queues: readonly MessageQueue[], content: Content): Promise<void> {
    for (const queue of queues) queue.assertRoom(content.size);
    const batch = this.#host.enqueue(queues, content);
    const { journal } = this.#broker;
    if (batch <= taken || journal === null) return done;
    return new Promise((resolve) => journal.whenSafe(batch, resolve));
  }

  #declareQueue(queue: Queue): MessageQueue {
    const limits = queue.lengthMax === undefined ? { lengthMax: lengthMaxDefault } : {};
    const name = queue.name === "" ? `amq.gen-${this.#broker.newName()}` : queue.name;
    const declared = this.#host.declareQueue(specOf({ ...queue, name }), this, limits);
    if (queue.exclusive === true) this.#exclusive.add(name);
    for (const { exchange, key, headers } of queue.bindings ?? []) {
      // Every queue is bound to the default exchange already, by its name.
      if (exchange !== "") this.#host.bind(declared, { source: exchange, key, arguments: headers ?? {} });
    }
    return declared;
  }

  /** The consumer is kept until the bus closes: it may hold messages that must go back then. */
  #cancel(consumer: HandlerConsumer): void {
    consumer.queue.remove(consumer);
    this.#host.consumerLeft(consumer.queue);
    if (!this.#isClosed && consumer.held.size === 0) this.#consumers.delete(consumer);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw amqpErrors.closed();
  }
}
