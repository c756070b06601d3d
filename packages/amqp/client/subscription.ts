// A consumer that outlives channels and connections: on each it declares its queue again, binds it and
// consumes.
import { type Clock, type Log, type Millis, type Random, sleepUnlessAborted } from "@micronova/kit";
import type { ConsumeOptions, Delivery, Exchange, Queue } from "../bus.ts";
import type { Args, Method } from "../codec/method-codec.ts";
import type { Table } from "../codec/table.ts";
import type { Content } from "../content.ts";
import type { QueueType } from "../queue/queue-types.ts";
import type { WireForm } from "../wire-form.ts";
import { backOffMs } from "./back-off.ts";
import { declareExchange, declareQueue } from "./declarations.ts";
import type { Link } from "./link.ts";
import type { ChannelEvents, LinkChannel } from "./link-channel.ts";

export interface SubscriptionDeps {
  readonly platform: { readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly form: WireForm;
  readonly queue: Queue;
  /** An exchange that was declared by this name. */
  readonly exchange: (name: string) => Exchange | undefined;
  readonly queueType: QueueType;
  readonly options: ConsumeOptions;
  readonly handle: (delivery: Delivery) => void;
}

/** One stretch of consuming, on one channel. Another stretch has another channel, and tags of its own. */
interface Run {
  readonly channel: LinkChannel;
  /** Delivery tags that are not settled yet. */
  readonly held: Set<number>;
}

// Any name does: it is one of its channel's.
const consumerTag = "consumer";

// Nodes forget within seconds. The forgotten queue itself lives on in secret and takes its namesake with it
// when it expires, after as long as callers' queues do.
const firstLookMs: Millis = 1_000;
const lastLookMs: Millis = 128_000;

export class Subscription implements ChannelEvents {
  readonly #deps: SubscriptionDeps;
  #run: Run | null = null;
  #link: Link | null = null;
  /** Settles when the present attempt to begin is over; null when there is none. */
  #starting: Promise<void> | null = null;
  /** The broker ended it, as when its queue was deleted. */
  #isDropped = false;
  /** How often it has begun. */
  #stretches = 0;
  #isBeginningAgain = false;
  #isCancelled = false;
  /** Whether it has ever begun: until then its maker deals with what goes wrong. */
  #isEstablished = false;

  /** Its queue, which has no name before the first declaration when the broker is to choose it. */
  queueName: string;

  constructor(deps: SubscriptionDeps) {
    this.#deps = deps;
    this.queueName = deps.queue.name;
  }

  /** Begins on a link; rejects when the broker refuses. */
  async start(link: Link): Promise<void> {
    const starting = this.#begin(link);
    this.#starting = starting.then(
      () => undefined,
      // Whoever waits for it only wants to know that it is over.
      () => undefined,
    );
    try {
      await starting;
    } finally {
      this.#starting = null;
    }
    this.#isEstablished = true;
    if (this.#isDropped && !this.#isBeginningAgain) void this.#beginAgain(link);
  }

  /**
   * Begins again on another link, if it is one that goes on. What the broker refuses is tried again, while
   * everybody else goes on.
   */
  async resume(link: Link): Promise<void> {
    if (!this.#isEstablished || this.#isCancelled) return;
    const isBegun = await this.#tryOnce(link, 0);
    if (!isBegun) void this.#beginAgain(link, 1);
  }

  /** Stops deliveries. When its link is lost meanwhile they have stopped as well. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await this.#starting;
    const run = this.#run;
    if (run === null || !run.channel.isOpen) return;
    try {
      await run.channel.request("basic.cancel", { consumerTag, noWait: false }, "basic.cancel-ok");
    } catch (error) {
      if (run.channel.isOpen) throw error;
    }
    if (run.held.size === 0) await run.channel.close();
  }

  method(channel: LinkChannel, method: Method, content: Content | null): void {
    if (method.name === "basic.deliver" && content !== null && this.#run?.channel === channel)
      this.#deliver(this.#run, method.args, content);
    else if (method.name === "basic.cancel") this.#dropped();
  }

  closed(): void {
    this.#dropped();
  }

  async #begin(link: Link): Promise<void> {
    const { queue, exchange, queueType, options } = this.#deps;
    this.#isDropped = false;
    this.#link = link;
    const channel = await link.openChannel(this);
    const run = { channel, held: new Set<number>() };
    this.#run = run;
    // One that is deleted with its last queue may have gone with ours.
    for (const { exchange: name } of this.#isEstablished ? (queue.bindings ?? []) : []) {
      const known = exchange(name);
      if (known !== undefined) await declareExchange(channel, known);
    }
    this.queueName = await declareQueue(channel, queue, queueType);
    const qos = { prefetchSize: 0, prefetchCount: Math.min(options.prefetch, 65_535), global: false };
    await channel.request("basic.qos", qos, "basic.qos-ok");
    const consume = { queue: this.queueName, consumerTag, noLocal: false, noAck: false, exclusive: false };
    const args: Table = options.isOwn === true ? { "x-priority": this.#stretches++ } : {};
    await channel.request(
      "basic.consume",
      { ...consume, noWait: false, arguments: args },
      "basic.consume-ok",
    );
  }

  /** An attempt's own refusal is its own concern; what was dropped later begins again. */
  #dropped(): void {
    this.#isDropped = true;
    if (this.#starting !== null || this.#isBeginningAgain || this.#link === null) return;
    void this.#beginAgain(this.#link);
  }

  /**
   * Tries until it consumes: its queue may be locked by our own lost connection, or on a node that is away.
   */
  async #beginAgain(link: Link, attempts = 0): Promise<void> {
    const { clock, random, log } = this.#deps.platform;
    this.#isBeginningAgain = true;
    for (let attempt = attempts; link.isOpen && !this.#isCancelled; attempt++) {
      if (attempt > 0) await sleepUnlessAborted(clock, backOffMs(random, attempt), link.ended);
      // What it held goes back to its queue.
      await this.#run?.channel.close();
      if (!(await this.#tryOnce(link, attempt)) || this.#isDropped) continue;
      log.info({ queue: this.queueName, attempt }, "consumer began again");
      break;
    }
    this.#isBeginningAgain = false;
  }

  async #tryOnce(link: Link, attempt: number): Promise<boolean> {
    if (!link.isOpen || this.#isCancelled) return true;
    const { log } = this.#deps.platform;
    try {
      await this.start(link);
      if (this.#deps.queue.durable !== true && this.#run !== null) void this.#watch(this.#run, link);
      return true;
    } catch (error) {
      // The next link is where it goes on.
      if (!link.isOpen) return true;
      log.warn({ error, queue: this.queueName, attempt }, "consumer cannot begin again yet");
      return false;
    }
  }

  /**
   * Looks for a while whether its queue is still there. When a node of RabbitMQ dies, the others forget the
   * queues it had that do not last, and may forget one that was declared again meanwhile, without a word to
   * its consumer (rabbitmq/rabbitmq-server#9798). That costs the channel, and so it is declared once more.
   */
  async #watch({ channel }: Run, link: Link): Promise<void> {
    const { clock } = this.#deps.platform;
    const look = {
      queue: this.queueName,
      passive: true,
      durable: false,
      exclusive: false,
      autoDelete: false,
    };
    for (let pauseMs = firstLookMs; pauseMs <= lastLookMs; pauseMs *= 2) {
      await sleepUnlessAborted(clock, pauseMs, link.ended);
      if (!channel.isOpen) return;
      const args = { ...look, noWait: false, arguments: {} };
      // A refusal has closed the channel, which `closed` is told.
      await channel.request("queue.declare", args, "queue.declare-ok").catch(() => undefined);
    }
  }

  #deliver(run: Run, args: Args<"basic.deliver">, content: Content): void {
    const { form, handle, platform } = this.#deps;
    const { deliveryTag, redelivered, exchange, routingKey: key } = args;
    run.held.add(deliveryTag);
    // What was delivered on a channel that is gone is not ours to settle: it comes again.
    const settle = (act: () => void) => {
      if (!run.held.delete(deliveryTag)) return;
      act();
      if (this.#isCancelled && run.held.size === 0) void run.channel.close();
    };
    const ack = () => settle(() => run.channel.send("basic.ack", { deliveryTag, multiple: false }));
    const nack = ({ requeue }: { readonly requeue: boolean }) =>
      settle(() => run.channel.send("basic.nack", { deliveryTag, multiple: false, requeue }));
    const delivery: Delivery = {
      // Read by its handler, which then hears of it when it cannot be.
      get message() {
        return content.message(form);
      },
      exchange,
      key,
      redelivered,
      ack,
      nack,
    };
    try {
      handle(delivery);
    } catch (error) {
      // A handler that throws would throw again: the message goes where its queue's dead letters go.
      platform.log.error({ error, queue: this.queueName, key }, "message rejected, handler threw");
      nack({ requeue: false });
    }
  }
}
