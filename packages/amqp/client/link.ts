// One connection to a broker, from the client's side: its handshake, requests with their answers in order,
// and what comes unasked. It is used once; who wants another connection makes another link.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Millis, Platform } from "@micronova/kit";
import { sleepUnlessAborted } from "@micronova/kit";
import { type FrameHandler, FrameParser, frameKinds } from "../codec/frame-parser.ts";
import { type Args, type Method, readMethod } from "../codec/method-codec.ts";
import { type MethodName, type MethodSpec, methods } from "../codec/methods.ts";
import { Properties } from "../codec/properties.ts";
import { Reader } from "../codec/reader.ts";
import { type Content, contentOfBytes, Label } from "../content.ts";
import { protocolHeader } from "../server/handshake.ts";
import { Output } from "../server/output.ts";
import { TrafficStats } from "../statistics.ts";
import type { WireForm } from "../wire-form.ts";
import { RemoteClose } from "./remote-close.ts";
import type { BrokerUrl } from "./url.ts";

export interface LinkDeps {
  readonly platform: Platform;
  readonly form: WireForm;
  readonly url: BrokerUrl;
  /** The authority that a TLS broker's certificate must be of, when it is not a public one. */
  readonly ca?: string;
  /** What comes unasked: deliveries and returns with their content, confirms, cancels. */
  readonly onMethod: (channel: number, method: Method, content: Content | null) => void;
  /** The broker closed a channel. */
  readonly onChannelClosed: (channel: number, reason: RemoteClose) => void;
  readonly onClosed: (reason: Error) => void;
}

interface Request {
  readonly expects: MethodName;
  readonly resolve: (method: Method) => void;
  readonly reject: (error: Error) => void;
}

interface Arriving {
  readonly method: Method;
  properties: Properties | null;
  size: number;
  received: number;
  readonly parts: Buffer[];
}

const heartbeatSeconds = 30;
// A broker that does not answer the handshake within this is as good as gone.
const openWithinMs: Millis = 10_000;
const tickMs: Millis = 1_000;
const frameMaxFirst = 131_072;

export class Link implements FrameHandler {
  readonly output: Output;
  readonly #deps: LinkDeps;
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #requests = new Map<number, Request[]>();
  readonly #arriving = new Map<number, Arriving>();
  #reason: Error | null = null;
  #hasRead = false;
  #heartbeat = 0;
  readonly #ending = new AbortController();

  private constructor(deps: LinkDeps) {
    this.#deps = deps;
    const { host, port, isTls } = deps.url;
    const tls = { host, port, servername: host, ...(deps.ca === undefined ? {} : { ca: deps.ca }) };
    this.#socket = isTls ? connectTls(tls) : connect({ host, port });
    this.#socket.setNoDelay(true);
    this.output = new Output(this.#socket, deps.form, new TrafficStats());
    this.#parser = new FrameParser(this, frameMaxFirst);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.fail(error));
    this.#socket.on("close", () => this.fail(new Error("the broker closed the connection")));
  }

  /** Connects and shakes hands. */
  static async open(deps: LinkDeps): Promise<Link> {
    const link = new Link(deps);
    const patience = new AbortController();
    void deps.platform.clock.sleep(openWithinMs, patience.signal).then(
      () => link.fail(new Error("the broker did not answer in time")),
      // Aborted: it did.
      () => undefined,
    );
    try {
      await link.#shakeHands();
      return link;
    } finally {
      patience.abort();
    }
  }

  get isOpen(): boolean {
    return this.#reason === null;
  }

  /** Sends a method and waits for its answer. Answers on one channel come in the order of the requests. */
  request<M extends MethodName, A extends MethodName>(
    channel: number,
    name: M,
    args: Args<M>,
    expects: A,
  ): Promise<Args<A>> {
    const answer = this.#expect(channel, expects);
    if (this.#reason === null) this.output.method(channel, name, args);
    return answer;
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    if (this.#reason !== null) return;
    const bye = { replyCode: 200, replyText: "bye", classId: 0, methodId: 0 };
    // It may be cut before it is answered, which is an end as well.
    await this.request(0, "connection.close", bye, "connection.close-ok").catch(() => undefined);
    this.fail(new Error("the connection was closed"));
  }

  /** Ends it at once; everything that waits is told why. */
  fail(reason: Error): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#ending.abort();
    this.#parser.stop();
    this.#socket.destroy();
    for (const requests of this.#requests.values()) for (const { reject } of requests) reject(reason);
    this.#requests.clear();
    this.#deps.onClosed(reason);
  }

  async #shakeHands(): Promise<void> {
    const { user, password, virtualHost } = this.#deps.url;
    const start = this.#expect(0, "connection.start");
    this.output.raw(protocolHeader);
    await start;
    const capabilities = {
      publisher_confirms: true,
      "basic.nack": true,
      consumer_cancel_notify: true,
      "connection.blocked": true,
      authentication_failure_close: true,
    };
    const tune = await this.request(
      0,
      "connection.start-ok",
      {
        clientProperties: { product: "Micronova", capabilities },
        mechanism: "PLAIN",
        response: Buffer.from(`\0${user}\0${password}`),
        locale: "en_US",
      },
      "connection.tune",
    );
    const { channelMax, frameMax } = tune;
    const heartbeat = Math.min(tune.heartbeat || heartbeatSeconds, heartbeatSeconds);
    this.output.method(0, "connection.tune-ok", { channelMax, frameMax, heartbeat });
    this.output.frameMax = frameMax;
    this.#parser.frameMax = frameMax;
    await this.request(0, "connection.open", { virtualHost }, "connection.open-ok");
    this.#heartbeat = heartbeat;
    void this.#tick();
  }

  /** Heartbeats, and the end of a connection that was cut without a word. */
  async #tick(): Promise<void> {
    let silentSeconds = 0;
    let quietSeconds = 0;
    while (this.#reason === null) {
      // Rejects when the link ends, which is looked at below.
      await sleepUnlessAborted(this.#deps.platform.clock, tickMs, this.#ending.signal);
      silentSeconds = this.#hasRead ? 0 : silentSeconds + 1;
      quietSeconds = this.output.hasWritten ? 0 : quietSeconds + 1;
      this.#hasRead = false;
      this.output.hasWritten = false;
      if (this.#reason !== null) return;
      if (silentSeconds > this.#heartbeat * 2) this.fail(new Error("the broker's heartbeats are missing"));
      else if (quietSeconds >= this.#heartbeat / 2) this.output.heartbeat();
    }
  }

  #expect<A extends MethodName>(channel: number, expects: A): Promise<Args<A>> {
    if (this.#reason !== null) return Promise.reject(this.#reason);
    return new Promise((resolve, reject) => {
      const requests = this.#requests.get(channel) ?? [];
      // Resolved only with the method that is expected.
      requests.push({ expects, resolve: (method) => resolve(method.args as Args<A>), reject });
      this.#requests.set(channel, requests);
    });
  }

  #read(chunk: Buffer): void {
    this.#hasRead = true;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      // Whatever it was, the stream can no longer be followed.
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  frame(kind: number, channel: number, bytes: Buffer, start: number, end: number): void {
    if (kind === frameKinds.method) this.#method(channel, readMethod(new Reader(bytes, start, end)));
    else if (kind === frameKinds.header) this.#header(channel, new Reader(bytes, start, end));
  }

  body(channel: number, bytes: Buffer, start: number, end: number): void {
    const arriving = this.#arriving.get(channel);
    if (arriving === undefined) return;
    arriving.parts.push(bytes.subarray(start, end));
    arriving.received += end - start;
    this.#completeIfWhole(channel, arriving);
  }

  #header(channel: number, reader: Reader): void {
    const arriving = this.#arriving.get(channel);
    if (arriving === undefined) return;
    reader.pass(4);
    arriving.size = reader.longlong();
    arriving.properties = new Properties(Buffer.from(reader.bytes.subarray(reader.at, reader.end)));
    this.#completeIfWhole(channel, arriving);
  }

  #completeIfWhole(channel: number, { method, properties, size, received, parts }: Arriving): void {
    if (received < size || properties === null) return;
    this.#arriving.delete(channel);
    // Of the methods with content only those come that name where they were sent.
    const { exchange, routingKey } = method.args as Args<"basic.deliver">;
    const content = contentOfBytes(new Label(exchange, routingKey), properties, Buffer.concat(parts));
    this.#deps.onMethod(channel, method, content);
  }

  #method(channel: number, method: Method): void {
    const spec: MethodSpec = methods[method.name];
    if (spec.hasContent === true)
      this.#arriving.set(channel, { method, properties: null, size: 0, received: 0, parts: [] });
    else if (method.name === "connection.close") {
      this.output.method(0, "connection.close-ok", {});
      this.output.flush();
      this.fail(new RemoteClose(method.args.replyCode, method.args.replyText));
    } else if (method.name === "channel.close") this.#channelClosed(channel, method.args);
    else if (this.#requests.get(channel)?.[0]?.expects === method.name)
      this.#requests.get(channel)?.shift()?.resolve(method);
    else this.#deps.onMethod(channel, method, null);
  }

  #channelClosed(channel: number, { replyCode, replyText }: Args<"channel.close">): void {
    this.output.method(channel, "channel.close-ok", {});
    const reason = new RemoteClose(replyCode, replyText);
    for (const { reject } of this.#requests.get(channel) ?? []) reject(reason);
    this.#requests.delete(channel);
    this.#deps.onChannelClosed(channel, reason);
  }
}
