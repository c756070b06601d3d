// The bus as processes see it: a broker that may be lost with all it holds, connections that drop and come
// back, and messages that are lost, repeated, delayed and so reordered. A process's door behaves as the
// client of a real broker does: it connects again by itself, declares and consumes again, and sends again
// what was not taken.
import {
  type Address,
  amqpErrors,
  Broker,
  type Bus,
  type Consumer,
  type Delivery,
  type Exchange,
  type Message,
  type Queue,
} from "@micronova/amqp";
import { isFault, type Millis, metricsRegistry, silentLog } from "@micronova/kit";
import type { Life } from "@micronova/kit/testing";
import type { World } from "./world.ts";

// Most are late by less than a caller waits; some are so late that their caller has long done something else.
const delayMsMax: Millis = 5_000;
const longDelayMsMax: Millis = 60_000;
const longDelays = 0.3;
// How long a client waits before it connects again: never all at once.
const reconnectMsMin: Millis = 50;
const reconnectMsMax: Millis = 2_000;
/** A broker closes a connection that shows no life for so long. */
export const heartbeatMs: Millis = 60_000;

export class Cable {
  readonly #world: World;
  readonly #doors = new Set<ProcessBus>();
  #broker: Broker | null = null;
  /** The door through which delayed messages arrive: they are on their way, whoever sent them. */
  #wire: Bus | null = null;

  constructor(world: World) {
    this.#world = world;
    this.start();
  }

  get broker(): Broker | null {
    return this.#broker;
  }

  /** A fresh broker, empty. */
  start(): void {
    const { clock, random } = this.#world;
    this.#broker = new Broker(
      { clock, random, log: silentLog, metrics: metricsRegistry() },
      { freeze: true },
    );
    this.#wire = this.#broker.bus();
    for (const door of this.#doors) door.connectSoon();
  }

  /** The broker is gone, and with it every message. */
  async stop(): Promise<void> {
    const broker = this.#broker;
    this.#broker = null;
    this.#wire = null;
    for (const door of this.#doors) door.drop();
    broker?.close();
  }

  /** The bus of one life of a process. */
  door(life: Life): ProcessBus {
    const door = new ProcessBus(this.#world, this, life);
    this.#doors.add(door);
    life.onEnd(() => this.#doors.delete(door));
    return door;
  }

  /** Sends what one door was given, as well as the day allows. */
  async carry(link: Bus, to: Address, message: Message, isMandatory: boolean): Promise<void> {
    const { faults } = this.#world;
    const label = labelOf(to, message);
    if (this.#world.chance(faults.lost)) return this.#world.note("bus", `loses ${label}`);
    if (this.#world.chance(faults.repeated)) {
      this.#world.note("bus", `repeats ${label}`);
      this.#later(to, message);
    }
    if (this.#world.chance(faults.delayed)) {
      this.#world.note("bus", `delays ${label}`);
      return this.#later(to, message);
    }
    await link.publish(to, message, { mandatory: isMandatory });
  }

  #later(to: Address, message: Message): void {
    const { random } = this.#world;
    const ms = random.int(random.chance(longDelays) ? longDelayMsMax : delayMsMax);
    this.#world.clock.wakeIn(ms, () => {
      // By then the broker or whom it is for may be gone, and so is the message.
      this.#wire?.publish(to, message).catch((error: unknown) => {
        if (!isFault(error)) throw error;
      });
    });
  }
}

interface Subscription {
  readonly queue: Queue;
  readonly prefetch: number;
  readonly handle: (delivery: Delivery) => void;
  consumer: Consumer | null;
  isCancelled: boolean;
}

class ProcessBus implements Bus {
  readonly #world: World;
  readonly #cable: Cable;
  readonly #life: Life;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #subscriptions = new Set<Subscription>();
  #link: Bus | null = null;
  #ready = Promise.withResolvers<Bus>();
  #isClosed = false;
  #connecting = 0;

  constructor(world: World, cable: Cable, life: Life) {
    this.#world = world;
    this.#cable = cable;
    this.#life = life;
    const broker = cable.broker;
    if (broker !== null) this.#use(broker.bus());
    life.onEnd(() => this.drop());
  }

  declare(exchange: Exchange): Promise<void> {
    return this.#onLink(async (link) => {
      await link.declare(exchange);
      this.#exchanges.set(exchange.name, exchange);
    });
  }

  declareQueue(queue: Queue): Promise<void> {
    return this.#onLink(async (link) => {
      await link.declareQueue(queue);
      this.#queues.set(queue.name, queue);
    });
  }

  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void> {
    const isMandatory = options?.mandatory === true;
    return this.#life.effect(`sends ${labelOf(to, message)}`, () =>
      this.#onLink((link) => this.#cable.carry(link, to, message, isMandatory)),
    );
  }

  consume(
    queue: Queue,
    { prefetch }: { readonly prefetch: number },
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    const subscription: Subscription = { queue, prefetch, handle, consumer: null, isCancelled: false };
    return this.#onLink(async (link) => {
      await this.#begin(subscription, link);
      this.#subscriptions.add(subscription);
      const cancel = async () => {
        subscription.isCancelled = true;
        this.#subscriptions.delete(subscription);
        await subscription.consumer?.cancel();
      };
      return { queue: queue.name, cancel };
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#link?.close();
  }

  /** The connection breaks; the broker gives back what was in hand. */
  drop(): void {
    const link = this.#link;
    if (link === null) return;
    this.#link = null;
    this.#ready = Promise.withResolvers();
    void link.close();
    if (this.#cable.broker !== null) this.connectSoon();
  }

  connectSoon(): void {
    if (this.#isClosed || this.#life.isDead || this.#link !== null) return;
    const attempt = ++this.#connecting;
    const ms = reconnectMsMin + this.#world.random.int(reconnectMsMax - reconnectMsMin);
    this.#world.clock.wakeIn(ms, () => this.#life.whenAwake(() => void this.#connect(attempt)));
  }

  async #connect(attempt: number): Promise<void> {
    const { broker } = this.#cable;
    if (attempt !== this.#connecting || broker === null || this.#link !== null) return;
    const link = broker.bus();
    for (const exchange of this.#exchanges.values()) await link.declare(exchange);
    for (const queue of this.#queues.values()) await link.declareQueue(queue);
    for (const subscription of this.#subscriptions) await this.#begin(subscription, link);
    this.#use(link);
  }

  #use(link: Bus): void {
    this.#link = link;
    this.#ready.resolve(link);
  }

  async #begin(subscription: Subscription, link: Bus): Promise<void> {
    const { queue, prefetch, handle } = subscription;
    subscription.consumer = await link.consume(queue, { prefetch }, (delivery) =>
      this.#life.whenAwake(() => handle(this.#inHand(delivery))),
    );
  }

  /** A frozen process settles nothing. */
  #inHand(delivery: Delivery): Delivery {
    const { message, exchange, key, redelivered } = delivery;
    return {
      message,
      exchange,
      key,
      redelivered,
      ack: () => this.#life.whenAwake(() => delivery.ack()),
      nack: (options) => this.#life.whenAwake(() => delivery.nack(options)),
    };
  }

  /** Does it on the connection there is, or the next one. */
  async #onLink<T>(act: (link: Bus) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#isClosed) throw amqpErrors.closed();
      const link = this.#link ?? (await this.#life.hears(this.#ready.promise));
      try {
        return await this.#life.hears(act(link));
      } catch (error) {
        if (this.#link === link || !isFault(error, amqpErrors.closed)) throw error;
      }
    }
  }
}

/** What a message is, for the log. */
export function labelOf(to: Address, { body }: Message): string {
  const of = (key: string): unknown =>
    typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined;
  const method = of("method");
  if (typeof method === "string") return `${to.key} ${method}`;
  if (of("ending") === false) return "a beat";
  return of("_msg_id") === undefined ? `news ${to.exchange}` : "an answer";
}
