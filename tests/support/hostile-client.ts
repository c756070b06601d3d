// Clients that mean no good, from a seed: frames that are almost right, in an order that is almost possible,
// cut anywhere. What they name is from a short list, so that what they leave behind is little.
import {
  type Args,
  type FieldType,
  type FieldValue,
  frame,
  frameKinds,
  type MethodName,
  methodFrame,
  methods,
  protocolHeader,
  type Table,
  Typed,
} from "@micronova/amqp/testing";
import type { Random } from "@micronova/kit";

export const hostileQueues = ["h1", "h2", "h3", "h4"];
const names = [
  ...hostileQueues,
  "x1",
  "x2",
  "amq.topic",
  "amq.headers",
  "amq.direct",
  "",
  "amq.rabbitmq.reply-to",
];
const exchangeKinds = ["direct", "topic", "fanout", "headers", "x-none"];
const words = ["#", "*", "a", "b", "#.#.#", "a.*.#", "\u00e4", "\u{1f600}"];
const argumentNames = [
  ...["x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-overflow", "x-max-priority"],
  ...["x-dead-letter-exchange", "x-dead-letter-routing-key", "x-single-active-consumer", "x-queue-type"],
  ...["alternate-exchange", "x-match", "x-priority", "CC", "BCC", "x-death", "count", "queue", "reason", "a"],
];
const all = Object.keys(methods) as readonly MethodName[];
const connectionMethods = all.filter((name) => name.startsWith("connection."));
const channelMethods = all.filter((name) => !name.startsWith("connection."));
/** What a client may do, and what it does most of the time. */
const deeds: readonly MethodName[] = [
  ...(["exchange.declare", "exchange.delete", "exchange.bind", "exchange.unbind", "queue.declare"] as const),
  ...(["queue.bind", "queue.unbind", "queue.purge", "queue.delete", "basic.qos", "basic.consume"] as const),
  ...(["basic.cancel", "basic.get", "basic.ack", "basic.nack", "basic.reject", "basic.recover"] as const),
  ...(["confirm.select", "tx.select", "tx.commit", "tx.rollback", "channel.flow"] as const),
  ...(["queue.declare", "queue.bind", "basic.consume", "basic.get", "basic.ack", "basic.nack"] as const),
];

export class HostileClient {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** All that one connection sends, in the pieces in which it does. */
  session(): readonly Buffer[] {
    const parts = [this.#random.int(30) === 0 ? this.#noise(8) : protocolHeader, ...this.#handshake()];
    for (let count = this.#random.int(60); count > 0; count--) parts.push(this.#mutated(this.#part()));
    return this.#cut(Buffer.concat(parts));
  }

  /** One thing to do on a channel, mostly possible. */
  deed(): Buffer {
    return this.#random.int(100) === 0 ? this.#mutated(this.#part()) : this.#deed(1 + this.#random.int(3));
  }

  #handshake(): readonly Buffer[] {
    const response = Buffer.from(this.#random.int(40) === 0 ? "\0guest\0wrong" : "\0guest\0guest");
    const clientProperties = this.#random.int(4) === 0 ? this.#table(3) : {};
    const frameMax = this.#oneOf([131_072, 131_072, 131_072, 0, 4_096, 8_192]);
    return [
      methodFrame(0, "connection.start-ok", {
        clientProperties,
        mechanism: "PLAIN",
        response,
        locale: "en_US",
      }),
      methodFrame(0, "connection.tune-ok", { channelMax: 0, frameMax, heartbeat: this.#random.int(3) }),
      methodFrame(0, "connection.open", { virtualHost: "/" }),
      ...[1, 2, 3].map((channel) => methodFrame(channel, "channel.open", {})),
    ].map((part) => (this.#random.int(60) === 0 ? this.#mutated(part) : part));
  }

  #part(): Buffer {
    const { int } = this.#random;
    const channel = this.#oneOf([1, 1, 2, 3, 4, 0, 2_047, 65_535]);
    const kind = int(20);
    if (kind === 0) return frame(this.#oneOf([1, 2, 3, 8, 0, 255]), channel, this.#noise(int(200)));
    if (kind === 1) return this.#method(0, this.#oneOf(connectionMethods));
    if (kind === 2) return this.#method(channel, this.#oneOf(channelMethods));
    return this.#deed(channel);
  }

  #deed(channel: number): Buffer {
    return this.#random.int(3) === 0 ? this.#publish(channel) : this.#method(channel, this.#oneOf(deeds));
  }

  #method(channel: number, name: MethodName): Buffer {
    const fields: Readonly<Record<string, FieldType>> = methods[name].fields;
    const args = Object.fromEntries(
      Object.entries(fields).map(([field, type]) => [field, this.#value(field, type)]),
    );
    // Each value is of its field's type.
    return methodFrame(channel, name, args as unknown as Args<MethodName>);
  }

  #value(field: string, type: FieldType): unknown {
    const { int } = this.#random;
    if (type === "bit") return int(4) === 0;
    if (type === "table") return int(2) === 0 ? {} : this.#table(3);
    if (type === "longstr") return this.#noise(int(50));
    if (type === "shortstr") return field === "type" ? this.#oneOf(exchangeKinds) : this.#name();
    const largest = { octet: 255, short: 65_535, long: 4_294_967_295, longlong: Number.MAX_SAFE_INTEGER }[
      type as string
    ];
    return this.#oneOf([0, 1, 1, 2, 3, int(50), largest ?? 0]);
  }

  #name(): string {
    const { int } = this.#random;
    if (int(3) > 0) return this.#oneOf(names);
    return Array.from({ length: 1 + int(4) }, () => this.#oneOf(words)).join(".");
  }

  #table(depth: number): Table {
    const count = this.#random.int(4);
    return Object.fromEntries(
      Array.from({ length: count }, () => [this.#oneOf(argumentNames), this.#field(depth)] as const),
    );
  }

  #field(depth: number): FieldValue {
    const { int } = this.#random;
    const kind = int(depth > 0 ? 12 : 9);
    if (kind < 2) return int(2_000) - 5;
    if (kind < 4) return this.#name();
    if (kind === 4) return this.#oneOf([true, null, 1.5, "drop-head", "reject-publish", "all", "any"]);
    if (kind === 5) return new Typed("d", this.#oneOf([Number.NaN, Number.POSITIVE_INFINITY, 1]));
    if (kind === 6) return new Typed("l", this.#oneOf([2n ** 63n - 1n, -(2n ** 63n), 0n]));
    if (kind === 7) return new Typed("T", this.#oneOf([2n ** 64n - 1n, 0n]));
    if (kind === 8) return new Typed("x", this.#noise(int(30)));
    if (kind === 9) return Array.from({ length: int(4) }, () => this.#field(depth - 1));
    return this.#table(depth - 1);
  }

  #publish(channel: number): Buffer {
    const { int } = this.#random;
    const size = this.#oneOf([0, 1, 10, int(300), int(20_000)]);
    const said = int(20) === 0 ? int(100_000) : size;
    const sizes = int(3) === 0 ? Array.from({ length: size }, () => 1).slice(0, 300) : [size];
    const bodies = sizes.map((count) => frame(frameKinds.body, channel, Buffer.alloc(count, "b")));
    return Buffer.concat([this.#method(channel, "basic.publish"), this.#header(channel, said), ...bodies]);
  }

  #header(channel: number, size: number): Buffer {
    const { int } = this.#random;
    const head = Buffer.alloc(14);
    head.writeUInt16BE(60, 0);
    head.writeUInt32BE(size, 8);
    const name = Buffer.from(this.#name());
    const short = Buffer.concat([Buffer.from([name.length]), name]);
    // Headers, delivery mode, priority, correlation id, reply-to and expiration, in the order of their flags.
    const table = this.#encoded(this.#table(3));
    const values: readonly (readonly [number, Buffer])[] = [
      [13, table],
      [12, Buffer.from([1 + int(2)])],
      [11, Buffer.from([int(256)])],
      [10, Buffer.from([3, 0xff, 0xfe, 0xfd])],
      [9, short],
      [8, Buffer.from(this.#oneOf(["\u00010", "\u00015", "\u0003abc", "\u000510000"]))],
    ];
    const chosen = values.filter(() => int(3) === 0);
    head.writeUInt16BE(
      chosen.reduce((flags, [bit]) => flags | (1 << bit), 0),
      12,
    );
    return frame(frameKinds.header, channel, Buffer.concat([head, ...chosen.map(([, value]) => value)]));
  }

  /** A table as it is on the wire, out of a method that ends with one. */
  #encoded(table: Table): Buffer {
    const empty = { exchange: "", queue: "", routingKey: "" };
    const whole = methodFrame(1, "queue.unbind", { ...empty, arguments: table });
    return whole.subarray(7 + 4 + 2 + 3, whole.length - 1);
  }

  /** Mostly as it is; else with a byte changed, a piece missing or a piece twice. */
  #mutated(bytes: Buffer): Buffer {
    const { int } = this.#random;
    const kind = int(24);
    if (kind > 4 || bytes.length === 0) return bytes;
    const at = int(bytes.length);
    const end = at + 1 + int(8);
    if (kind === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    if (kind === 1) return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    const changed = Buffer.from(bytes);
    // Below the frame's head what is changed is still a frame.
    const place = kind === 2 ? at : Math.min(bytes.length - 1, Math.max(7, at));
    changed[place] = int(256);
    return changed;
  }

  #cut(bytes: Buffer): readonly Buffer[] {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + this.#random.int(this.#oneOf([10, 500, 70_000]));
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return pieces;
  }

  #noise(size: number): Buffer {
    return Buffer.from(this.#random.bytes(size));
  }

  #oneOf<T>(those: readonly T[]): T {
    return those[this.#random.int(those.length)]!;
  }
}
