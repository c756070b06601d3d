// One connection to a broker, from the client's side: its handshake, its heartbeats and its channels. It is
// used once; who wants another connection makes another link.
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Millis, Platform } from "@micronova/kit";
import { sleepUnlessAborted } from "@micronova/kit";
import { type FrameHandler, FrameParser, frameKinds } from "../codec/frame-parser.ts";
import { type Args, type Method, methodName, readMethod } from "../codec/method-codec.ts";
import type { MethodName } from "../codec/methods.ts";
import { Reader } from "../codec/reader.ts";
import { amqpErrors } from "../errors.ts";
import { protocolHeader } from "../server/handshake.ts";
import { Output } from "../server/output.ts";
import { TrafficStats } from "../statistics.ts";
import type { WireForm } from "../wire-form.ts";
import { type ChannelEvents, LinkChannel } from "./link-channel.ts";
import { isForRequest, LinkLost, RemoteClose } from "./remote-close.ts";
import type { BrokerUrl } from "./url.ts";

export interface ClientTls {
  /** The authority that a TLS broker's certificate must be of, when it is not a public one. */
  readonly ca?: string;
  /** The certificate to show to the broker. It is who we are when the URL has no password. */
  readonly cert?: string;
  readonly key?: string;
}

export interface LinkDeps {
  readonly platform: Platform;
  readonly form: WireForm;
  readonly url: BrokerUrl;
  readonly tls: ClientTls;
  /** How often each side shows that it is there; twice the time of silence is the end. 0: never. */
  readonly heartbeatSeconds: number;
  /** Ends it at once, also while it is made. */
  readonly signal: AbortSignal;
  /** Why the broker takes no publishes for now; null when it does again. */
  readonly onBlocked: (reason: string | null) => void;
  /** There is room again for what did not fit into the socket. */
  readonly onRoom: () => void;
  readonly onClosed: (reason: Error) => void;
}

// A broker that does not answer the handshake within this is as good as gone, and one that does not answer
// the last words too.
const openWithinMs: Millis = 10_000;
const closeWithinMs: Millis = 5_000;
const tickMs: Millis = 1_000;
const frameMaxFirst = 131_072;

export class Link implements FrameHandler {
  readonly #deps: LinkDeps;
  readonly #socket: Socket;
  readonly #output: Output;
  readonly #parser: FrameParser;
  readonly #channels = new Map<number, LinkChannel>();
  readonly #connection: LinkChannel;
  #reason: Error | null = null;
  #hasRead = false;
  #heartbeat = 0;
  #channelMax = 0;
  #lastChannel = 0;
  readonly #freeChannels: number[] = [];
  readonly #ending = new AbortController();

  private constructor(deps: LinkDeps) {
    this.#deps = deps;
    const { host, port, isTls } = deps.url;
    // An address is no name to ask for.
    const named = isIP(host) === 0 ? { servername: host } : {};
    this.#socket = isTls ? connectTls({ host, port, ...named, ...deps.tls }) : connect({ host, port });
    this.#socket.setNoDelay(true);
    this.#output = new Output(this.#socket, deps.form, new TrafficStats());
    this.#parser = new FrameParser(this, frameMaxFirst);
    const events = { method: (_: unknown, method: Method) => this.#control(method), closed: () => undefined };
    this.#connection = this.#channel(0, events);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("drain", () => deps.onRoom());
    this.#socket.on("error", (error) => this.fail(error));
    this.#socket.on("close", () => this.fail(new Error("the broker closed the connection")));
    deps.signal.addEventListener("abort", () => this.fail(amqpErrors.closed()), { signal: this.ended });
    if (deps.signal.aborted) this.fail(amqpErrors.closed());
  }

  /** Connects and shakes hands. */
  static async open(deps: LinkDeps): Promise<Link> {
    const link = new Link(deps);
    const patience = new AbortController();
    link.#failAfter(openWithinMs, "the broker did not answer in time", patience.signal);
    try {
      await link.#shakeHands();
      return link;
    } catch (error) {
      throw error instanceof LinkLost ? error.cause : error;
    } finally {
      patience.abort();
    }
  }

  get isOpen(): boolean {
    return this.#reason === null;
  }

  /** Aborts when it ends. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  async openChannel(events: ChannelEvents): Promise<LinkChannel> {
    const number = this.#freeChannels.pop() ?? ++this.#lastChannel;
    if (number > this.#channelMax) {
      this.#lastChannel--;
      throw amqpErrors.channelsUsedUp(this.#channelMax);
    }
    const channel = this.#channel(number, events);
    if (this.#reason !== null) channel.end(new LinkLost(this.#reason), null);
    await channel.request("channel.open", {}, "channel.open-ok");
    return channel;
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    if (this.#reason !== null) return;
    const bye = { replyCode: 200, replyText: "bye", classId: 0, methodId: 0 };
    this.#failAfter(closeWithinMs, "the broker did not answer the last words", this.ended);
    // It may be cut before it is answered, which is an end as well.
    await this.#connection.request("connection.close", bye, "connection.close-ok").catch(() => undefined);
    this.fail(new Error("the connection was closed"));
  }

  /** Ends it at once; everything that waits is told why, and the method to blame what was said of it. */
  fail(reason: Error, blame: MethodName | null = null): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#ending.abort();
    this.#parser.stop();
    this.#socket.destroy();
    const lost = new LinkLost(reason);
    const blamed = blame !== null && reason instanceof RemoteClose ? { name: blame, error: reason } : null;
    for (const channel of this.#channels.values()) channel.end(lost, blamed);
    this.#channels.clear();
    this.#deps.onClosed(reason);
  }

  #channel(number: number, events: ChannelEvents): LinkChannel {
    const released = () => {
      this.#channels.delete(number);
      this.#freeChannels.push(number);
    };
    const channel = new LinkChannel({ number, output: this.#output, events, released });
    this.#channels.set(number, channel);
    return channel;
  }

  #failAfter(ms: Millis, why: string, signal: AbortSignal): void {
    void sleepUnlessAborted(this.#deps.platform.clock, ms, signal).then(() => {
      if (!signal.aborted) this.fail(new Error(why));
    });
  }

  async #shakeHands(): Promise<void> {
    const { virtualHost } = this.#deps.url;
    const start = this.#connection.expect("connection.open", "connection.start");
    this.#output.raw(protocolHeader);
    await start;
    const tune = await this.#connection.request(
      "connection.start-ok",
      {
        clientProperties: { product: "Micronova", capabilities },
        ...proofOf(this.#deps),
        locale: "en_US",
      },
      "connection.tune",
    );
    this.#tune(tune);
    await this.#connection.request("connection.open", { virtualHost }, "connection.open-ok");
    if (this.#heartbeat > 0) void this.#tick();
  }

  #tune({ channelMax, frameMax, heartbeat: offered }: Args<"connection.tune">): void {
    const { heartbeatSeconds: wanted } = this.#deps;
    // Zero is no wish of the broker's, and no heartbeats of ours.
    const heartbeat = offered === 0 ? wanted : Math.min(offered, wanted);
    this.#connection.send("connection.tune-ok", { channelMax, frameMax, heartbeat });
    this.#output.frameMax = frameMax;
    this.#parser.frameMax = frameMax;
    this.#heartbeat = heartbeat;
    this.#channelMax = channelMax === 0 ? channelsMax : channelMax;
  }

  /** Heartbeats, and the end of a connection that was cut without a word. */
  async #tick(): Promise<void> {
    let silentSeconds = 0;
    let quietSeconds = 0;
    while (this.#reason === null) {
      await sleepUnlessAborted(this.#deps.platform.clock, tickMs, this.ended);
      silentSeconds = this.#hasRead ? 0 : silentSeconds + 1;
      quietSeconds = this.#output.hasWritten ? 0 : quietSeconds + 1;
      this.#hasRead = false;
      this.#output.hasWritten = false;
      if (this.#reason !== null) return;
      if (silentSeconds > this.#heartbeat * 2) this.fail(new Error("the broker's heartbeats are missing"));
      else if (quietSeconds >= this.#heartbeat / 2) this.#output.heartbeat();
    }
  }

  // What comes in

  #read(chunk: Buffer): void {
    this.#hasRead = true;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      // Whatever it was, the stream can no longer be followed.
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  frame(kind: number, number: number, bytes: Buffer, start: number, end: number): void {
    const channel = this.#channels.get(number);
    if (kind === frameKinds.method) channel?.method(readMethod(new Reader(bytes, start, end)));
    else if (kind === frameKinds.header) channel?.header(new Reader(bytes, start, end));
  }

  body(number: number, bytes: Buffer, start: number, end: number): void {
    this.#channels.get(number)?.body(bytes, start, end);
  }

  /** What the broker says of the connection itself. */
  #control(method: Method): void {
    if (method.name === "connection.blocked") this.#deps.onBlocked(method.args.reason);
    else if (method.name === "connection.unblocked") this.#deps.onBlocked(null);
    else if (method.name === "connection.close") {
      const { replyCode, replyText, classId, methodId } = method.args;
      this.#connection.send("connection.close-ok", {});
      this.#output.flush();
      const reason = new RemoteClose(replyCode, replyText);
      this.fail(reason, isForRequest(reason) ? methodName(classId, methodId) : null);
    }
  }
}

const capabilities = {
  publisher_confirms: true,
  "basic.nack": true,
  consumer_cancel_notify: true,
  "connection.blocked": true,
  authentication_failure_close: true,
};
// What the protocol has room for, when the broker names no limit.
const channelsMax = 65_535;

function proofOf({ url: { isTls, user, password }, tls }: LinkDeps) {
  if (isTls && password === null && tls.cert !== undefined)
    return { mechanism: "EXTERNAL", response: Buffer.alloc(0) };
  return { mechanism: "PLAIN", response: Buffer.from(`\0${user}\0${password ?? "guest"}`) };
}
