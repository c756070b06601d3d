// The broker: exchanges, queues and what binds them. It knows no sockets; doors stand before it. Deliveries
// are made in turns of the microtask queue, so that a publisher never finds a consumer on its own stack.
import { isDeepStrictEqual } from "node:util";
import type { Millis, Platform } from "@micronova/kit";
import type { Address, Binding, Bus, Exchange, Message, Queue } from "./bus.ts";
import { amqpErrors } from "./errors.ts";
import { type Router, routerOf } from "./exchange/router.ts";
import { freezeMessage } from "./freeze.ts";
import { InProcessBus } from "./in-process-bus.ts";
import { MessageQueue } from "./queue/message-queue.ts";

export interface BrokerOptions {
  /**
   * Freezes messages deeply and refuses what is not plain JSON: for tests, which find who writes to a sent
   * message.
   */
  readonly freeze?: boolean;
}

/** A queue as `rabbitmqctl list_queues` and `micronova bus queues` show it. */
export interface QueueStatus {
  readonly name: string;
  readonly durable: boolean;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  readonly consumers: number;
}

interface BoundExchange {
  readonly spec: Exchange;
  readonly router: Router<MessageQueue>;
}

// A queue's share of one turn: long enough to be cheap, short enough that others are not kept waiting.
const deliveriesATurn = 256;
// How exactly expiry is kept while nobody looks; deliveries and counts look at the time themselves.
const sweepEveryMs: Millis = 1_000;

export class Broker {
  readonly #platform: Platform;
  readonly #options: BrokerOptions;
  readonly #exchanges = new Map<string, BoundExchange>();
  readonly #queues = new Map<string, MessageQueue>();
  #woken = new Set<MessageQueue>();
  #isSweeping = false;

  constructor(platform: Platform, options: BrokerOptions = {}) {
    this.#platform = platform;
    this.#options = options;
  }

  /** The in-process door: no codec, no copy. */
  bus(): Bus {
    return new InProcessBus(this);
  }

  declareExchange(spec: Exchange): void {
    const known = this.#exchanges.get(spec.name);
    if (known === undefined) {
      this.#exchanges.set(spec.name, { spec, router: routerOf(spec.kind) });
    } else if (!isSameExchange(known.spec, spec)) {
      throw amqpErrors.exchangeDiffers(spec.name);
    }
  }

  deleteExchange(name: string): void {
    this.#exchanges.delete(name);
  }

  /** Declares a queue with its bindings. `owner` is the connection that an exclusive queue belongs to. */
  declareQueue(spec: Queue, owner: object): MessageQueue {
    const queue = this.#queues.get(spec.name) ?? this.#makeQueue(spec, owner);
    if (queue.owner !== null && queue.owner !== owner) throw amqpErrors.queueLocked(spec.name);
    if (!isSameQueue(queue.spec, spec)) throw amqpErrors.queueDiffers(spec.name);
    queue.touch();
    for (const binding of spec.bindings) this.bind(spec.name, binding);
    return queue;
  }

  deleteQueue(name: string): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    this.#queues.delete(name);
    for (const exchange of [...this.#exchanges.values()]) {
      exchange.router.remove(queue);
      this.#dropIfBare(exchange);
    }
  }

  bind(queueName: string, binding: Binding): void {
    // Every queue is bound to the default exchange already, by its name.
    if (binding.exchange === "") return;
    this.#exchange(binding.exchange).router.bind(binding, this.#queue(queueName));
  }

  unbind(queueName: string, binding: Binding): void {
    const exchange = this.#exchange(binding.exchange);
    exchange.router.unbind(binding, this.#queue(queueName));
    this.#dropIfBare(exchange);
  }

  /**
   * Puts a message into every queue it is routed to; says how many those are. All of them have room, or none
   * gets it.
   */
  publish(to: Address, message: Message): number {
    if (this.#options.freeze === true) freezeMessage(message);
    const targets = this.#targets(to, message);
    for (const queue of targets) queue.assertRoom();
    for (const queue of targets) queue.push(message, to.exchange, to.key);
    if (message.expirationMs !== undefined) this.#sweepLater();
    return targets.length;
  }

  /** After a consumer has left: an auto-deleted queue goes with the last one. */
  consumerLeft(queue: MessageQueue): void {
    if (queue.spec.autoDelete === true && queue.consumerCount === 0) this.deleteQueue(queue.spec.name);
    else if (queue.isPerishable) this.#sweepLater();
  }

  /** Drops the messages that wait in a queue; says how many. */
  purge(name: string): number {
    return this.#queue(name).purge();
  }

  queues(): readonly QueueStatus[] {
    return [...this.#queues.values()]
      .map((queue) => ({
        name: queue.spec.name,
        durable: queue.spec.durable ?? false,
        messages_ready: queue.readyCount,
        messages_unacknowledged: queue.unacknowledgedCount,
        consumers: queue.consumerCount,
      }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  exchanges(): readonly Exchange[] {
    return [...this.#exchanges.values()].map((exchange) => exchange.spec);
  }

  #makeQueue(spec: Queue, owner: object): MessageQueue {
    const queue = new MessageQueue(spec, spec.exclusive === true ? owner : null, {
      log: this.#platform.log,
      now: () => this.#platform.clock.now(),
      wake: (woken) => this.#wake(woken),
    });
    this.#queues.set(spec.name, queue);
    if (queue.isPerishable) this.#sweepLater();
    return queue;
  }

  #targets(to: Address, message: Message): readonly MessageQueue[] {
    if (to.exchange !== "") {
      return this.#exchange(to.exchange).router.targets({ key: to.key, headers: message.headers ?? {} });
    }
    const queue = this.#queues.get(to.key);
    return queue === undefined ? [] : [queue];
  }

  #exchange(name: string): BoundExchange {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw amqpErrors.exchangeNotFound(name);
    return exchange;
  }

  #queue(name: string): MessageQueue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw amqpErrors.queueNotFound(name);
    return queue;
  }

  #dropIfBare({ spec, router }: BoundExchange): void {
    if (spec.autoDelete === true && router.isEmpty) this.#exchanges.delete(spec.name);
  }

  #wake(queue: MessageQueue): void {
    if (this.#woken.size === 0) queueMicrotask(() => this.#turn());
    this.#woken.add(queue);
  }

  /** One turn: every queue that has work delivers its share. What is woken meanwhile has the next turn. */
  #turn(): void {
    const queues = this.#woken;
    this.#woken = new Set();
    for (const queue of queues) {
      if (queue.deliver(deliveriesATurn)) this.#wake(queue);
    }
  }

  /** Looks at the time while there is anything that it can change, and only then. */
  #sweepLater(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    void this.#platform.clock.sleep(sweepEveryMs).then(() => {
      this.#isSweeping = false;
      this.#sweep();
    });
  }

  #sweep(): void {
    for (const queue of [...this.#queues.values()]) {
      queue.dropExpired();
      if (queue.isUnused) this.deleteQueue(queue.spec.name);
      else if (queue.isPerishable) this.#sweepLater();
    }
  }
}

function isSameExchange(one: Exchange, other: Exchange): boolean {
  return (
    one.kind === other.kind &&
    (one.durable ?? false) === (other.durable ?? false) &&
    (one.autoDelete ?? false) === (other.autoDelete ?? false)
  );
}

/** Bindings are not part of what a queue is: each declaration may add some. */
function isSameQueue(one: Queue, other: Queue): boolean {
  const identity = ({ durable, exclusive, autoDelete, expiresMs, lengthMax, overflow }: Queue) => [
    durable ?? false,
    exclusive ?? false,
    autoDelete ?? false,
    expiresMs,
    lengthMax,
    overflow,
  ];
  return isDeepStrictEqual(identity(one), identity(other));
}
