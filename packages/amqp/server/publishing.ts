// Publishes of one channel: a method, a header and bodies become a message and go to their queues. Producers
// repeat themselves, so the last address and the last properties are remembered as bytes: what comes again is
// compared, not decoded.

import type { User } from "../access/user.ts";
import { Properties } from "../codec/properties.ts";
import { Reader } from "../codec/reader.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import { Content, Label } from "../content.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import { millisMax, typeName } from "../queue/queue-arguments.ts";
import type { ExchangeStats } from "../statistics.ts";
import type { VirtualHost } from "../virtual-host.ts";
import { BodyParts } from "./body-parts.ts";

export interface PublishingDeps {
  readonly host: VirtualHost;
  readonly user: Pick<User, "name" | "tags">;
  /** Throws unless the exchange may be written to. */
  readonly assertWritable: (exchange: string) => void;
  /** The queue that answers to `amq.rabbitmq.reply-to` go to; null when nothing consumes from it. */
  readonly replyQueue: () => string | null;
  /** A message is complete. `queues` is null when they must be looked for. */
  readonly publish: (
    content: Content,
    mandatory: boolean,
    queues: readonly MessageQueue[] | null,
    exchange: ExchangeStats,
  ) => void;
}

/** An address as it was published to, and where it leads. */
interface Route {
  readonly args: Buffer;
  readonly label: Label;
  readonly mandatory: boolean;
  /** Null when each message may go another way. */
  readonly queues: readonly MessageQueue[] | null;
  readonly exchange: ExchangeStats;
  readonly version: number;
}

export const directReplyTo = "amq.rabbitmq.reply-to";

// RabbitMQ's default for the greatest message.
const sizeMax = 128 * 1024 * 1024;
// A body of less is put together when it comes in pieces; a larger one stays in them.
const joinedMax = 8 * 1024;

export class Publishing {
  readonly #deps: PublishingDeps;
  #route: Route | null = null;
  #properties: Properties | null = null;
  /** What is being received: after its method, then after its header. */
  #expects: "method" | "header" | "body" = "method";
  #content: Content | null = null;
  readonly #parts = new BodyParts();
  #size = 0;
  #received = 0;

  constructor(deps: PublishingDeps) {
    this.#deps = deps;
  }

  get isMidway(): boolean {
    return this.#expects !== "method";
  }

  /** Whether what it published last waits behind others for consumers that are busy. */
  get isAhead(): boolean {
    return this.#route?.queues?.some((queue) => queue.isBehind) ?? false;
  }

  /** Forgets what it was in the middle of. */
  abandon(): void {
    this.#expects = "method";
    this.#content = null;
    this.#parts.take();
  }

  /** The payload of a `basic.publish`. */
  method(bytes: Buffer, start: number, end: number): void {
    const route = this.#route;
    if (route === null || route.version !== this.#deps.host.version || !isSame(route.args, bytes, start, end))
      this.#route = this.#readRoute(bytes, start, end);
    this.#expects = "header";
  }

  header(bytes: Buffer, start: number, end: number): void {
    if (this.#expects !== "header") throw unexpected("content header");
    const reader = Reader.strict(bytes, start, end);
    if (reader.short() !== 60) throw unexpected("content header for class 60");
    reader.short();
    const size = reader.longlong();
    const properties = this.#readProperties(bytes, reader.at, end);
    if (size > sizeMax)
      throw new ReplyError(
        "PRECONDITION_FAILED",
        `message size ${size} is larger than configured max size ${sizeMax}`,
      );
    // A header follows a method, which has set the route.
    this.#content = new Content((this.#route as Route).label, this.#addressed(properties), null);
    this.#size = size;
    this.#received = 0;
    this.#expects = "body";
    if (size === 0) this.#complete();
  }

  body(bytes: Buffer, start: number, end: number): void {
    const content = this.#content;
    if (this.#expects !== "body" || content === null) throw unexpected("content body");
    const size = end - start;
    if (this.#received + size > this.#size)
      throw new ReplyError("UNEXPECTED_FRAME", "content body is larger than its header says");
    if (size === this.#size) {
      content.bytes = bytes;
      content.start = start;
      content.end = end;
    } else if (this.#size < joinedMax) {
      if (this.#received === 0) content.bytes = Buffer.allocUnsafe(this.#size);
      bytes.copy(content.bytes, this.#received, start, end);
      content.end = this.#received + size;
    } else {
      this.#parts.add(bytes, start, end);
    }
    this.#received += size;
    if (this.#received < this.#size) return;
    if (size < this.#size && this.#size >= joinedMax) {
      content.parts = this.#parts.take();
      content.end = this.#size;
    }
    this.#complete();
  }

  #complete(): void {
    const content = this.#content as Content;
    const { queues, mandatory, exchange } = this.#route as Route;
    this.#content = null;
    this.#expects = "method";
    const isByKeyAlone = queues !== null && content.wireProperties?.hasHeaders !== true;
    this.#deps.publish(content, mandatory, isByKeyAlone ? queues : null, exchange);
  }

  #readRoute(bytes: Buffer, start: number, end: number): Route {
    const reader = Reader.strict(bytes, start + 6, end);
    const labelStart = reader.at;
    const exchange = reader.shortstr();
    const key = reader.shortstr();
    const labelBytes = Buffer.from(bytes.subarray(labelStart, reader.at));
    const bits = reader.octet();
    if ((bits & 2) !== 0) throw new ReplyError("NOT_IMPLEMENTED", "immediate=true");
    this.#deps.assertWritable(exchange);
    const { host } = this.#deps;
    const label = new Label(exchange, key, labelBytes);
    const isByKeyAlone = host.isRoutedByKeyAlone(exchange);
    return {
      args: Buffer.from(bytes.subarray(start, end)),
      label,
      mandatory: (bits & 1) !== 0,
      queues: isByKeyAlone ? host.route(new Content(label, null, {} as never)) : null,
      exchange: host.exchangeOrDefault(exchange).stats,
      version: host.version,
    };
  }

  #readProperties(bytes: Buffer, start: number, end: number): Properties {
    const last = this.#properties;
    if (last !== null && isSame(last.bytes, bytes, start, end)) return last;
    const properties = new Properties(Buffer.from(bytes.subarray(start, end)));
    // RabbitMQ looks at this first.
    this.#addressed(properties);
    assertProperties(properties, this.#deps.user);
    this.#properties = properties;
    return properties;
  }

  /** Gives the pseudo-queue for direct answers its real name. */
  #addressed(properties: Properties): Properties {
    if (properties.replyTo !== directReplyTo) return properties;
    const replyTo = this.#deps.replyQueue();
    if (replyTo === null) throw new ReplyError("PRECONDITION_FAILED", "fast reply consumer does not exist");
    return properties.with({ replyTo });
  }
}

/** Throws for properties that a publisher may not set so. */
export function assertProperties(
  { expiration, userId, headers }: Properties,
  { name: userName, tags }: Pick<User, "name" | "tags">,
): void {
  // Who has that tag may speak for others.
  if (userId !== null && userId !== userName && !tags.includes("impersonator"))
    throw new ReplyError(
      "PRECONDITION_FAILED",
      `user_id property set to '${userId}' but authenticated user was '${userName}'`,
    );
  const why = expiration === null ? null : notExpiration(expiration);
  if (why !== null) throw new ReplyError("PRECONDITION_FAILED", `invalid expiration '${expiration}': ${why}`);
  for (const name of ["CC", "BCC"]) {
    const keys = headers[name];
    if (keys !== undefined && !Array.isArray(keys))
      throw new ReplyError(
        "PRECONDITION_FAILED",
        `invalid message: {unacceptable_type_in_header,"${name}",${typeName(keys)}}`,
      );
  }
}

/** Why a text is no time to live; null when it is one. */
function notExpiration(text: string): string | null {
  const [, digits, rest] = /^([+-]?\d+)(.*)$/s.exec(text) ?? [];
  if (digits === undefined) return "no_integer";
  if (rest !== "") return `{leftover_string,${JSON.stringify(rest)}}`;
  if (Number(digits) < 0) return `{value_negative,${digits}}`;
  return Number(digits) > millisMax ? `{value_too_large,${digits}}` : null;
}

function isSame(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const size = end - start;
  if (known.length !== size) return false;
  for (let at = 0; at < size; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}

function unexpected(wanted: string): ReplyError {
  return new ReplyError("UNEXPECTED_FRAME", `expected ${wanted}, got something else instead`);
}
