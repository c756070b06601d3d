// The Bus over a socket, to RabbitMQ or to our own server. One link at a time; when it is lost the next URL
// is tried, ever less often, and then everything is as before: exchanges and queues declared, consumers
// consuming, unconfirmed publishes sent again.
import type { Millis, Platform } from "@micronova/kit";
import type { Address, Bus, Consumer, Delivery, Exchange, Message, Queue } from "../bus.ts";
import type { Method } from "../codec/method-codec.ts";
import { type Content, contentOfMessage } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import { plainJson, type WireForm } from "../wire-form.ts";
import { declareExchange, declareQueue } from "./declarations.ts";
import { Link } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { faultOf, RemoteClose } from "./remote-close.ts";
import { Subscription } from "./subscription.ts";
import { type BrokerUrl, readUrl } from "./url.ts";

export interface ConnectOptions {
  /** What bodies are wrapped in; plain JSON without it. */
  readonly form?: WireForm;
  /** The authority of a TLS broker's certificate, when it is not a public one. */
  readonly ca?: string;
}

/** A Bus by a connection to one of these brokers; it connects by itself, and again whenever it must. */
export function connectAmqp(platform: Platform, urls: readonly string[], options: ConnectOptions = {}): Bus {
  return new ClientBus(platform, urls.map(readUrl), options);
}

const controlChannel = 1;
const publishChannel = 2;
const backOffMinMs: Millis = 50;
const backOffMaxMs: Millis = 5_000;

class ClientBus implements Bus {
  readonly #platform: Platform;
  readonly #urls: readonly BrokerUrl[];
  readonly #form: WireForm;
  readonly #options: ConnectOptions;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #outbox = new Outbox();
  #link: Link | null = null;
  /** Resolves with the link once everything is declared on it. */
  #ready: Promise<Link>;
  #setReady: (link: Link) => void = () => undefined;
  #channels = publishChannel;
  #published = 0;
  #isSending = false;
  #isClosed = false;
  readonly #closing = new AbortController();
  /** Requests on the control channel, one after another: a refusal closes the channel under all of them. */
  #control: Promise<unknown> = Promise.resolve();

  constructor(platform: Platform, urls: readonly BrokerUrl[], options: ConnectOptions) {
    this.#platform = platform;
    this.#urls = urls;
    this.#form = options.form ?? plainJson;
    this.#options = options;
    this.#ready = this.#unready();
    void this.#connect();
  }

  async declare(exchange: Exchange): Promise<void> {
    this.#assertOpen();
    await this.#ask((link) => declareExchange(link, controlChannel, exchange));
    this.#exchanges.set(exchange.name, exchange);
  }

  async declareQueue(queue: Queue): Promise<void> {
    this.#assertOpen();
    if (queue.name === "") throw amqpErrors.queueUnnamed();
    await this.#ask((link) => declareQueue(link, controlChannel, queue));
    this.#queues.set(queue.name, queue);
  }

  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void> {
    if (this.#isClosed) return Promise.reject(amqpErrors.closed());
    const mandatory = options?.mandatory === true;
    // A return is recognized by the message's id, so a message that may be returned has one.
    const id = message.messageId ?? (mandatory ? `p${++this.#published}` : null);
    const content = contentOfMessage(
      to.exchange,
      to.key,
      id === null ? message : { ...message, messageId: id },
    );
    try {
      // Its publisher hears of it when it cannot be written; sending it, nobody would.
      content.body(this.#form);
    } catch (error) {
      return Promise.reject(error);
    }
    const done = this.#outbox.add(content, mandatory, id);
    this.#sendLater();
    return done;
  }

  async consume(
    queue: Queue,
    options: { readonly prefetch: number },
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#assertOpen();
    const channel = ++this.#channels;
    const { log } = this.#platform;
    const deps = { log, form: this.#form, queue, prefetch: options.prefetch, handle };
    const subscription = new Subscription(channel, deps);
    this.#subscriptions.set(channel, subscription);
    try {
      await this.#whileConnected((link) => subscription.start(link));
    } catch (error) {
      this.#subscriptions.delete(channel);
      throw faultOf(error);
    }
    const cancel = async () => {
      await subscription.cancel();
      this.#subscriptions.delete(channel);
    };
    return {
      get queue() {
        return subscription.queueName;
      },
      cancel,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort();
    this.#outbox.reject(amqpErrors.closed());
    await this.#link?.close();
  }

  // Requests

  /** Does it on a link, again on the next one when a link is lost meanwhile. */
  async #whileConnected<T>(act: (link: Link) => Promise<T>): Promise<T> {
    for (;;) {
      this.#assertOpen();
      const link = await this.#ready;
      try {
        return await act(link);
      } catch (error) {
        if (error instanceof RemoteClose || link.isOpen) throw error;
      }
    }
  }

  #ask<T>(act: (link: Link) => Promise<T>): Promise<T> {
    const answer = this.#control.then(() => this.#whileConnected(act));
    this.#control = answer.catch(async (error) => {
      if (error instanceof RemoteClose && this.#link?.isOpen === true)
        await this.#link.request(controlChannel, "channel.open", {}, "channel.open-ok");
    });
    return answer.catch((error) => {
      throw faultOf(error);
    });
  }

  /** Publishes of one turn go together. */
  #sendLater(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    queueMicrotask(() => {
      this.#isSending = false;
      if (this.#link?.isOpen === true) this.#outbox.send(this.#link, publishChannel);
    });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw amqpErrors.closed();
  }

  // Connections

  #unready(): Promise<Link> {
    return new Promise((resolve) => {
      this.#setReady = resolve;
    });
  }

  async #connect(): Promise<void> {
    const { clock, random, log } = this.#platform;
    for (let attempt = 0; !this.#isClosed; attempt++) {
      const url = this.#urls[attempt % this.#urls.length]!;
      try {
        await this.#open(url);
        return;
      } catch (error) {
        log.warn({ error, host: url.host, port: url.port, attempt }, "broker cannot be used");
      }
      const longest = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(attempt, 10));
      // Not all at once, or a broker that comes back is knocked over. Aborted when the bus closes.
      const pause = longest / 2 + random.int(longest / 2);
      await clock.sleep(pause, this.#closing.signal).catch(() => undefined);
    }
  }

  async #open(url: BrokerUrl): Promise<void> {
    const { ca } = this.#options;
    const link = await Link.open({
      platform: this.#platform,
      form: this.#form,
      url,
      ...(ca === undefined ? {} : { ca }),
      onMethod: (channel, method, content) => this.#take(channel, method, content),
      onChannelClosed: (channel, reason) => this.#channelClosed(channel, reason),
      onClosed: (reason) => this.#lost(reason),
    });
    try {
      await this.#setUp(link);
    } catch (error) {
      await link.close();
      throw error;
    }
    if (this.#isClosed) {
      await link.close();
      return;
    }
    this.#link = link;
    this.#setReady(link);
    this.#outbox.send(link, publishChannel);
  }

  async #setUp(link: Link): Promise<void> {
    await link.request(controlChannel, "channel.open", {}, "channel.open-ok");
    for (const exchange of this.#exchanges.values()) await declareExchange(link, controlChannel, exchange);
    for (const queue of this.#queues.values()) await declareQueue(link, controlChannel, queue);
    await openPublishing(link);
    for (const subscription of [...this.#subscriptions.values()])
      if (subscription.isEstablished && !subscription.isCancelled) await subscription.start(link);
  }

  /** The link in use was lost: everything begins again. One that was never in use is its maker's concern. */
  #lost(reason: Error): void {
    if (this.#link === null) return;
    this.#link = null;
    this.#outbox.lost();
    if (this.#isClosed) return;
    this.#platform.log.warn({ error: reason }, "connection to the broker lost");
    this.#ready = this.#unready();
    void this.#connect();
  }

  #channelClosed(channel: number, reason: RemoteClose): void {
    const link = this.#link;
    if (link === null || channel === controlChannel) return;
    if (channel === publishChannel) {
      this.#outbox.lost();
      const { subject } = reason;
      this.#outbox.reject(faultOf(reason), subject?.isQueue === false ? subject.name : null);
      this.#reopen(openPublishing(link).then(() => this.#outbox.send(link, publishChannel)));
    } else this.#restart(channel, link);
  }

  #take(channel: number, method: Method, content: Content | null): void {
    if (method.name === "basic.deliver" && content !== null)
      this.#subscriptions.get(channel)?.deliver(method.args, content);
    else if (method.name === "basic.ack")
      this.#outbox.confirmed(method.args.deliveryTag, method.args.multiple);
    else if (method.name === "basic.nack")
      this.#outbox.refused(method.args.deliveryTag, method.args.multiple);
    else if (method.name === "basic.return")
      this.#outbox.returned(content?.properties(this.#form).fields.messageId);
    else if (method.name === "basic.cancel" && this.#link !== null) this.#cancelled(channel, this.#link);
    else if (method.name === "connection.blocked")
      this.#platform.log.warn({ reason: method.args.reason }, "broker takes no publishes for now");
  }

  /** The queue was deleted under its consumer: it is declared again, on a fresh channel. */
  #cancelled(channel: number, link: Link): void {
    const closing = { replyCode: 200, replyText: "again", classId: 0, methodId: 0 };
    const closed = link.request(channel, "channel.close", closing, "channel.close-ok");
    this.#reopen(closed.then(() => this.#restart(channel, link)));
  }

  #restart(channel: number, link: Link): void {
    const subscription = this.#subscriptions.get(channel);
    if (subscription === undefined || !subscription.isEstablished || subscription.isCancelled) return;
    this.#platform.log.warn({ queue: subscription.queueName }, "consumer begins again");
    this.#reopen(subscription.start(link));
  }

  /** A channel that cannot be had again means a link that cannot be used. */
  #reopen(opening: Promise<unknown>): void {
    opening.catch((error) => this.#link?.fail(error instanceof Error ? error : new Error(String(error))));
  }
}

async function openPublishing(link: Link): Promise<void> {
  await link.request(publishChannel, "channel.open", {}, "channel.open-ok");
  await link.request(publishChannel, "confirm.select", { noWait: false }, "confirm.select-ok");
}
