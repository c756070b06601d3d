// The Bus over a socket, to RabbitMQ or to our own server. One link at a time; when it is lost the next URL
// is tried, ever less often, and then everything is as before: exchanges and queues declared, consumers
// consuming, unconfirmed publishes sent again.
import { type Millis, type Platform, sleepUnlessAborted } from "@micronova/kit";
import type { Address, Bus, ConsumeOptions, Consumer, Delivery, Exchange, Message, Queue } from "../bus.ts";
import type { Method } from "../codec/method-codec.ts";
import { type Content, contentOfMessage } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import type { QueueType } from "../queue/queue-types.ts";
import { plainJson, type WireForm } from "../wire-form.ts";
import { backOffMs } from "./back-off.ts";
import { declareExchange, declareQueue } from "./declarations.ts";
import { type ClientTls, Link } from "./link.ts";
import type { ChannelEvents, LinkChannel } from "./link-channel.ts";
import { Outbox } from "./outbox.ts";
import { faultOf, LinkLost, type RemoteClose } from "./remote-close.ts";
import { Subscription } from "./subscription.ts";
import { type BrokerUrl, readUrl } from "./url.ts";

export interface ConnectOptions extends ClientTls {
  /** What bodies are wrapped in; plain JSON without it. */
  readonly form?: WireForm;
  /** How durable queues are declared. Classic without it. */
  readonly queues?: QueueType;
  /** Silence of twice this is the end of a connection. 0 for no heartbeats; 10 without it. */
  readonly heartbeatSeconds?: number;
}

/** A Bus that depends on a broker elsewhere, which may be away. */
export interface RemoteBus extends Bus {
  /** Resolves once a broker is in use; rejects with `amqpErrors.noBroker` when none was within this time. */
  connected(withinMs: Millis): Promise<void>;
  /** Why no broker is in use now; null while one is. */
  readonly trouble: string | null;
}

/** A Bus by a connection to one of these brokers; it connects by itself, and again whenever it must. */
export function connectAmqp(
  platform: Platform,
  urls: readonly string[],
  options: ConnectOptions = {},
): RemoteBus {
  if (urls.length === 0) throw amqpErrors.badUrl();
  return new ClientBus(platform, urls.map(readUrl), options);
}

const heartbeatSecondsDefault = 10;
// A connection that lived so long was a good one; its end is no reason to wait before the next.
const steadyMs: Millis = 5_000;

class ClientBus implements RemoteBus {
  readonly #platform: Platform;
  readonly #urls: readonly BrokerUrl[];
  readonly #form: WireForm;
  readonly #queueType: QueueType;
  readonly #options: ConnectOptions;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #outbox: Outbox;
  #link: Link | null = null;
  #isReady = false;
  #isClosed = false;
  /** Settled when everything is declared on a link, or the bus is closed. */
  #ready = Promise.withResolvers<Link>();
  #publishing: LinkChannel | null = null;
  #control: LinkChannel | null = null;
  /** Declarations, one after another: a refusal closes their channel under all of them. */
  #turn: Promise<unknown> = Promise.resolve();
  #published = 0;
  #isSending = false;
  /** Why the broker takes no publishes for now. */
  #blocked: string | null = null;
  #lastTrouble: Error | null = null;
  readonly #closing = new AbortController();

  constructor(platform: Platform, urls: readonly BrokerUrl[], options: ConnectOptions) {
    this.#platform = platform;
    this.#urls = urls;
    this.#form = options.form ?? plainJson;
    this.#queueType = options.queues ?? "classic";
    this.#options = options;
    this.#outbox = new Outbox(platform.clock, this.#form);
    this.#expectLink();
    void this.#stayConnected();
  }

  get trouble(): string | null {
    if (this.#isReady) return null;
    return amqpErrors.noBroker(this.#brokers(), this.#why()).message;
  }

  async connected(withinMs: Millis): Promise<void> {
    const patience = new AbortController();
    const { clock } = this.#platform;
    const tooLong = sleepUnlessAborted(clock, withinMs, patience.signal).then(() => {
      throw amqpErrors.noBroker(this.#brokers(), this.#why());
    });
    // When the link was faster nobody waits for this.
    tooLong.catch(() => undefined);
    await Promise.race([this.#ready.promise, tooLong]).finally(() => patience.abort());
  }

  async declare(exchange: Exchange): Promise<void> {
    await this.#declared((channel) => declareExchange(channel, exchange));
    this.#exchanges.set(exchange.name, exchange);
  }

  async declareQueue(queue: Queue): Promise<void> {
    if (queue.name === "") throw amqpErrors.queueUnnamed();
    await this.#declared((channel) => declareQueue(channel, queue, this.#queueType));
    this.#queues.set(queue.name, queue);
  }

  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void> {
    const mandatory = options?.mandatory === true;
    // A return is recognized by the message's id, so a message that may be returned has one.
    const id = message.messageId ?? (mandatory ? `p${++this.#published}` : null);
    const known = id === null ? message : { ...message, messageId: id };
    try {
      this.#assertOpen();
      const content = contentOfMessage(to.exchange, to.key, known);
      const done = this.#outbox.add({ content, mandatory, id });
      this.#sendLater();
      return done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async consume(
    queue: Queue,
    options: ConsumeOptions,
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    const subscription = new Subscription({
      platform: this.#platform,
      form: this.#form,
      queueType: this.#queueType,
      exchange: (name) => this.#exchanges.get(name),
      queue,
      options,
      handle,
    });
    this.#subscriptions.add(subscription);
    try {
      await this.#whileConnected((link) => subscription.start(link));
    } catch (error) {
      this.#subscriptions.delete(subscription);
      throw faultOf(error);
    }
    const cancel = async () => {
      this.#subscriptions.delete(subscription);
      await subscription.cancel();
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
    this.#outbox.reject(amqpErrors.closed());
    this.#ready.reject(amqpErrors.closed());
    await this.#link?.close();
    this.#closing.abort();
  }

  #brokers(): string {
    return this.#urls.map(({ host, port }) => `${host}:${port}`).join(", ");
  }

  #why(): string {
    return this.#lastTrouble?.message ?? "there was no answer yet";
  }

  // Requests

  /** Does it on a link, again on the next one when a link is lost meanwhile. */
  async #whileConnected<T>(act: (link: Link) => Promise<T>): Promise<T> {
    for (;;) {
      this.#assertOpen();
      const link = await this.#ready.promise;
      try {
        return await act(link);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
      }
    }
  }

  async #declared(act: (channel: LinkChannel) => Promise<unknown>): Promise<void> {
    const declared = this.#turn.then(() =>
      this.#whileConnected(async (link) => act(await this.#controlOf(link))),
    );
    // The next one goes on however this one ends.
    this.#turn = declared.catch(() => undefined);
    try {
      await declared;
    } catch (error) {
      throw faultOf(error);
    }
  }

  async #controlOf(link: Link): Promise<LinkChannel> {
    if (this.#control?.isOpen !== true) this.#control = await link.openChannel(unheard);
    return this.#control;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw amqpErrors.closed();
  }

  // Publishing

  /** Publishes of one turn go together. */
  #sendLater(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    queueMicrotask(() => {
      this.#isSending = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#isReady && this.#publishing?.isOpen === true && this.#blocked === null)
      this.#outbox.send(this.#publishing);
  }

  async #openPublishing(link: Link): Promise<void> {
    const channel = await link.openChannel({
      method: (_, method, content) => this.#settle(method, content),
      closed: (_, reason) => this.#publishingClosed(link, reason),
    });
    await channel.request("confirm.select", { noWait: false }, "confirm.select-ok");
    this.#publishing = channel;
  }

  /** What the broker says of messages that were sent. */
  #settle(method: Method, content: Content | null): void {
    if (method.name === "basic.ack") this.#outbox.confirmed(method.args.deliveryTag, method.args.multiple);
    else if (method.name === "basic.nack")
      this.#outbox.refused(method.args.deliveryTag, method.args.multiple);
    else if (method.name === "basic.return")
      this.#outbox.returned(content?.properties(this.#form).fields.messageId);
  }

  /** One message's fault closed the channel under all of them: the others are sent again. */
  #publishingClosed(link: Link, reason: RemoteClose): void {
    this.#publishing = null;
    this.#outbox.lost();
    const { subject } = reason;
    this.#outbox.reject(faultOf(reason), subject?.isQueue === false ? subject.name : null);
    this.#openPublishing(link).then(
      () => this.#send(),
      // A channel that cannot be had again means a link that cannot be used.
      (error) => link.fail(error),
    );
  }

  #setBlocked(reason: string | null): void {
    const { log } = this.#platform;
    this.#blocked = reason;
    if (reason !== null) log.warn({ reason }, "broker takes no publishes for now");
    else log.info({}, "broker takes publishes again");
    this.#send();
  }

  // Connections

  async #stayConnected(): Promise<void> {
    const { clock, random } = this.#platform;
    let failures = 0;
    for (let at = 0; !this.#isClosed; at++) {
      const livedMs = await this.#useWhileItLasts(this.#urls[at % this.#urls.length]!);
      failures = livedMs > steadyMs ? 0 : failures + 1;
      await sleepUnlessAborted(clock, backOffMs(random, failures), this.#closing.signal);
    }
  }

  /** Returns when the connection is lost, and how long it was in use. */
  async #useWhileItLasts(url: BrokerUrl): Promise<Millis> {
    const { clock, log } = this.#platform;
    const { host, port } = url;
    const ended = Promise.withResolvers<Error>();
    try {
      const link = await this.#open(url, ended.resolve);
      this.#link = link;
      await this.#setUp(link).catch(async (error) => {
        await link.close();
        throw error;
      });
    } catch (error) {
      this.#lastTrouble = error instanceof Error ? error : new Error(String(error));
      if (!this.#isClosed) log.warn({ error, host, port }, "broker cannot be used");
      return 0;
    }
    const since = clock.monotonic();
    log.info({ host, port }, "connected to the broker");
    const error = await ended.promise;
    if (!this.#isClosed) log.warn({ error, host, port }, "connection to the broker lost");
    return clock.monotonic() - since;
  }

  #open(url: BrokerUrl, ended: (reason: Error) => void): Promise<Link> {
    const { form: _, queues: __, heartbeatSeconds, ...tls } = this.#options;
    return Link.open({
      platform: this.#platform,
      form: this.#form,
      url,
      tls,
      heartbeatSeconds: heartbeatSeconds ?? heartbeatSecondsDefault,
      signal: this.#closing.signal,
      onBlocked: (reason) => this.#setBlocked(reason),
      onRoom: () => this.#send(),
      onClosed: (reason) => {
        this.#lost();
        ended(reason);
      },
    });
  }

  async #setUp(link: Link): Promise<void> {
    const control = await this.#controlOf(link);
    await Promise.all([...this.#exchanges.values()].map((exchange) => declareExchange(control, exchange)));
    await Promise.all(
      [...this.#queues.values()].map((queue) => declareQueue(control, queue, this.#queueType)),
    );
    await this.#openPublishing(link);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.resume(link)));
    this.#isReady = true;
    this.#ready.resolve(link);
    this.#send();
  }

  #lost(): void {
    this.#link = null;
    this.#control = null;
    this.#publishing = null;
    this.#blocked = null;
    this.#outbox.lost();
    if (this.#isReady && !this.#isClosed) this.#expectLink();
    this.#isReady = false;
  }

  #expectLink(): void {
    this.#ready = Promise.withResolvers<Link>();
    // Rejected when the bus closes, whether or not somebody waits.
    this.#ready.promise.catch(() => undefined);
  }
}

const unheard: ChannelEvents = { method: () => undefined, closed: () => undefined };
