// A client for tests that says exactly what it is told and hears exactly what the broker says, in order: no
// recovery, no waiting for the right answer, no sense. For ours and for any other broker.
import { connect, type Socket } from "node:net";
import { type FrameHandler, FrameParser, frameEnd, frameKinds } from "./codec/frame-parser.ts";
import { type Args, type Method, readMethod, writeMethod } from "./codec/method-codec.ts";
import { type MethodName, type MethodSpec, methods } from "./codec/methods.ts";
import { Properties, type PropertyFields, propertiesOf } from "./codec/properties.ts";
import { Reader } from "./codec/reader.ts";
import { Writer } from "./codec/writer.ts";
import { contentOfBytes, Label } from "./content.ts";
import { protocolHeader } from "./server/handshake.ts";
import { Output } from "./server/output.ts";
import { TrafficStats } from "./statistics.ts";
import { plainJson } from "./wire-form.ts";

export { frameEnd, frameKinds } from "./codec/frame-parser.ts";
export type { Args, Method } from "./codec/method-codec.ts";
export { type FieldType, type MethodName, methods } from "./codec/methods.ts";
export type { PropertyFields } from "./codec/properties.ts";
export { type FieldValue, plainTable, type Table, Typed } from "./codec/table.ts";
export { protocolHeader } from "./server/handshake.ts";

/** What the broker said: a method, with the content that came behind it. */
export type Heard = Method & {
  readonly channel: number;
  readonly properties: PropertyFields;
  readonly body: Buffer;
};

export interface RawOptions {
  readonly port: number;
  readonly virtualHost?: string;
  readonly user?: string;
  readonly password?: string;
  readonly frameMax?: number;
}

interface Waiting {
  readonly matches: (heard: Heard) => boolean;
  readonly resolve: (heard: Heard) => void;
  readonly reject: (error: Error) => void;
}

interface Arriving {
  readonly method: Method;
  properties: Properties | null;
  left: number;
  readonly parts: Buffer[];
}

const frameMaxDefault = 131_072;
const nothing = Buffer.alloc(0);

export class RawClient implements FrameHandler {
  readonly socket: Socket;
  readonly output: Output;
  /** What came and nobody has waited for yet. */
  readonly heard: Heard[] = [];
  readonly closed: Promise<void>;
  readonly #parser: FrameParser;
  readonly #arriving = new Map<number, Arriving>();
  #waiting: Waiting[] = [];
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.output = new Output(socket, plainJson, new TrafficStats());
    this.#parser = new FrameParser(this, frameMaxDefault);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#parser.push(chunk));
    // What became of it is told by its close, which always follows.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        this.#isClosed = true;
        for (const { reject } of this.#waiting) reject(gone());
        this.#waiting = [];
        resolve();
      }),
    );
  }

  /** Connects and shakes hands; rejects when the broker does not open. */
  static async open(options: RawOptions): Promise<RawClient> {
    const { port, virtualHost = "/", user = "guest", password = "guest" } = options;
    const client = new RawClient(connect(port, "127.0.0.1"));
    client.output.raw(protocolHeader);
    await client.next((heard) => heard.name === "connection.start");
    const capabilities = {
      consumer_cancel_notify: true,
      "connection.blocked": true,
      "basic.nack": true,
      publisher_confirms: true,
      // Without it a broker refuses a login without a word.
      authentication_failure_close: true,
    };
    const login = {
      clientProperties: { capabilities },
      mechanism: "PLAIN",
      response: Buffer.from(`\0${user}\0${password}`),
      locale: "en_US",
    };
    const tune = await client.call(0, "connection.start-ok", login, "connection.tune");
    // RabbitMQ lets in nobody who asks for channels without limit.
    const { channelMax } = tune.args;
    const frameMax = options.frameMax ?? frameMaxDefault;
    client.output.frameMax = frameMax;
    client.send(0, "connection.tune-ok", { channelMax, frameMax, heartbeat: 0 });
    await client.call(0, "connection.open", { virtualHost }, "connection.open-ok");
    return client;
  }

  send<M extends MethodName>(channel: number, name: M, args: Args<M>): void {
    this.output.method(channel, name, args);
  }

  publish(
    channel: number,
    { exchange, key, mandatory = false }: { exchange: string; key: string; mandatory?: boolean },
    body: Buffer | string,
    properties: PropertyFields = {},
  ): void {
    this.send(channel, "basic.publish", { exchange, routingKey: key, mandatory, immediate: false });
    this.content(channel, body, properties);
  }

  /** What follows a publish: its header and its body. */
  content(channel: number, body: Buffer | string, properties: PropertyFields = {}): void {
    const content = contentOfBytes(new Label("", ""), propertiesOf(properties), Buffer.from(body));
    this.output.content(channel, content);
  }

  /** Opens channels; their numbers are the caller's choice. */
  async channel(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await this.call(number, "channel.open", {}, "channel.open-ok");
  }

  /** Sends a method and waits for that answer; rejects when channel or connection are closed instead. */
  async call<M extends MethodName, A extends MethodName>(
    channel: number,
    name: M,
    args: Args<M>,
    expects: A,
  ): Promise<Heard & { readonly args: Args<A> }> {
    this.send(channel, name, args);
    const heard = await this.next(
      (one) => one.name === "connection.close" || (one.channel === channel && isAnswer(one.name, expects)),
    );
    if (heard.name === "connection.close" || heard.name === "channel.close")
      throw new Error(`${name}: ${heard.args.replyCode} ${heard.args.replyText}`);
    // The predicate has let no other through.
    return heard as Heard & { readonly args: Args<A> };
  }

  /** The next that the broker says, or has said, of that kind. */
  next(matches: (heard: Heard) => boolean = () => true): Promise<Heard> {
    const at = this.heard.findIndex(matches);
    const [known] = at === -1 ? [] : this.heard.splice(at, 1);
    if (known !== undefined) return Promise.resolve(known);
    if (this.#isClosed) return Promise.reject(gone());
    return new Promise((resolve, reject) => this.#waiting.push({ matches, resolve, reject }));
  }

  /** Cuts the line. */
  async cut(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  frame(kind: number, channel: number, bytes: Buffer, start: number, end: number): void {
    if (kind === frameKinds.heartbeat) return;
    const reader = new Reader(bytes, start, end);
    if (kind === frameKinds.method) {
      const method = readMethod(reader);
      const spec: MethodSpec = methods[method.name];
      if (spec.hasContent !== true) this.#hear({ ...method, channel, properties: {}, body: nothing });
      else this.#arriving.set(channel, { method, properties: null, left: 0, parts: [] });
      return;
    }
    const arriving = this.#arriving.get(channel);
    if (arriving === undefined) throw new Error(`a header on channel ${channel} belongs to no method`);
    reader.pass(4);
    arriving.left = reader.longlong();
    arriving.properties = new Properties(Buffer.from(bytes.subarray(reader.at, end)));
    this.#complete(channel, arriving);
  }

  body(channel: number, bytes: Buffer, start: number, end: number): void {
    const arriving = this.#arriving.get(channel);
    if (arriving === undefined) throw new Error(`a body on channel ${channel} belongs to no method`);
    arriving.parts.push(Buffer.from(bytes.subarray(start, end)));
    arriving.left -= end - start;
    this.#complete(channel, arriving);
  }

  #complete(channel: number, { method, properties, left, parts }: Arriving): void {
    if (left > 0) return;
    this.#arriving.delete(channel);
    this.#hear({ ...method, channel, properties: properties?.fields ?? {}, body: Buffer.concat(parts) });
  }

  #hear(heard: Heard): void {
    const waiting = this.#waiting.find((one) => one.matches(heard));
    if (waiting === undefined) {
      this.heard.push(heard);
      return;
    }
    this.#waiting = this.#waiting.filter((one) => one !== waiting);
    waiting.resolve(heard);
  }
}

/** A frame as it would be sent. */
export function frame(kind: number, channel: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(kind, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([frameEnd])]);
}

/** A method's frame. */
export function methodFrame<M extends MethodName>(channel: number, name: M, args: Args<M>): Buffer {
  const writer = new Writer();
  writeMethod(writer, name, args);
  return frame(frameKinds.method, channel, writer.written);
}

function isAnswer(name: MethodName, expected: MethodName): boolean {
  return (
    name === expected ||
    name === "channel.close" ||
    (expected === "basic.get-ok" && name === "basic.get-empty")
  );
}

function gone(): Error {
  return new Error("the broker closed the connection");
}
