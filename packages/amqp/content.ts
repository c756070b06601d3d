// A message as the broker holds it, in either of its forms: as the Bus passed it, or as bytes from a socket.
// The other form is made when a door asks for it. Bodies are ranges of the chunks they came in until a queue
// keeps them; then small ones move to packed slabs, since a range holds on to its whole chunk.
import type { Message } from "./bus.ts";
import type { Properties } from "./codec/properties.ts";
import { Writer } from "./codec/writer.ts";
import { messageOfWire, propertiesOfMessage, type WireForm } from "./wire-form.ts";

/** Where a message was sent: shared by all that go there, with its bytes as deliveries carry them. */
export class Label {
  readonly exchange: string;
  readonly key: string;
  #bytes: Buffer | null;

  constructor(exchange: string, key: string, bytes: Buffer | null = null) {
    this.exchange = exchange;
    this.key = key;
    this.#bytes = bytes;
  }

  get bytes(): Buffer {
    this.#bytes ??= this.#encode();
    return this.#bytes;
  }

  #encode(): Buffer {
    const writer = new Writer();
    writer.shortstr(this.exchange);
    writer.shortstr(this.key);
    return Buffer.from(writer.written);
  }
}

/** A body: one range of bytes, or the parts of a large one, which then go from 0 to `end`. */
export interface Body {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly Buffer[] | null;
}

// A body of this size or more is kept in the chunks it came in, which it mostly fills.
const packedMax = 8 * 1024;
const slabBytes = 256 * 1024;
const nothing = Buffer.alloc(0);

let slab = nothing;
let slabAt = 0;

export class Content {
  readonly label: Label;
  #properties: Properties | null;
  #message: Message | null;
  bytes: Buffer = nothing;
  start = 0;
  end = 0;
  parts: readonly Buffer[] | null = null;
  readonly isPersistent: boolean;
  readonly priority: number;
  /** Null when it may stay for ever. */
  readonly expirationMs: number | null;
  #hasBody: boolean;
  #isKept = false;

  constructor(label: Label, properties: Properties | null, message: Message | null) {
    this.label = label;
    this.#properties = properties;
    this.#message = message;
    this.#hasBody = message === null;
    this.isPersistent = properties?.isPersistent ?? message?.persistent ?? false;
    this.priority = properties?.priority ?? message?.priority ?? 0;
    const expiration = properties?.expiration ?? null;
    this.expirationMs = expiration === null ? (message?.expirationMs ?? null) : Number(expiration);
  }

  /** The body's size; of a message that has only its Bus form it is not known, and counts nothing. */
  get size(): number {
    return this.end - this.start;
  }

  properties(form: WireForm): Properties {
    // One of the two forms is always there.
    this.#properties ??= propertiesOfMessage(this.#message as Message, form);
    return this.#properties;
  }

  /** Leaves out the header that only routing may see. */
  hideBcc(): void {
    const properties = this.#properties;
    if (properties?.headers["BCC"] === undefined) return;
    const { BCC: _, ...headers } = properties.headers;
    this.#properties = properties.with({ headers });
  }

  /** The properties if it came with them: the Bus form says the same in its own fields. */
  get wireProperties(): Properties | null {
    return this.#properties;
  }

  message(form: WireForm): Message {
    this.#message ??= messageOfWire(this.properties(form), this.wholeBody(form), form);
    return this.#message;
  }

  get busMessage(): Message | null {
    return this.#message;
  }

  /** Makes sure that the body is there as bytes. */
  body(form: WireForm): Body {
    if (!this.#hasBody) {
      const encoded = form.encode((this.#message as Message).body);
      this.bytes = typeof encoded === "string" ? Buffer.from(encoded) : Buffer.from(encoded);
      this.end = this.bytes.length;
      this.#hasBody = true;
    }
    return this;
  }

  /** The same body with other properties, sent elsewhere perhaps. */
  copy(label: Label, properties: Properties, form: WireForm): Content {
    const copy = new Content(label, properties, null);
    const { bytes, start, end, parts } = this.body(form);
    copy.bytes = bytes;
    copy.start = start;
    copy.end = end;
    copy.parts = parts;
    return copy;
  }

  wholeBody(form: WireForm): Buffer {
    const { bytes, start, end, parts } = this.body(form);
    return parts === null ? bytes.subarray(start, end) : Buffer.concat(parts);
  }

  /** Called when a queue keeps it beyond the turn in which it came. */
  keep(): void {
    if (this.#isKept || this.parts !== null) return;
    this.#isKept = true;
    const size = this.end - this.start;
    if (size === 0 || size >= packedMax || this.bytes.length === size) return;
    if (slabAt + size > slab.length) {
      slab = Buffer.allocUnsafeSlow(slabBytes);
      slabAt = 0;
    }
    slab.set(this.bytes.subarray(this.start, this.end), slabAt);
    this.bytes = slab;
    this.start = slabAt;
    this.end = slabAt + size;
    slabAt += size;
  }
}

export function contentOfMessage(exchange: string, key: string, message: Message): Content {
  return new Content(new Label(exchange, key), null, message);
}

export function contentOfBytes(label: Label, properties: Properties, body: Buffer): Content {
  const content = new Content(label, properties, null);
  content.bytes = body;
  content.end = body.length;
  return content;
}
