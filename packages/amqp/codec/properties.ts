// A message's properties, kept as the bytes they came in: most pass through unread. A scan finds what a
// broker must know (delivery mode, priority, expiration, where the headers are); the rest is decoded when
// asked for.
import { Reader } from "./reader.ts";
import { ReplyError } from "./reply-codes.ts";
import { readTable, type Table, writeTable } from "./table.ts";
import { Writer } from "./writer.ts";

export interface PropertyFields {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: Table;
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly expiration?: string;
  readonly messageId?: string;
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
  readonly clusterId?: string;
}

type Changes = { readonly [F in keyof PropertyFields]?: PropertyFields[F] | undefined };
type PropertyType = "shortstr" | "table" | "octet" | "longlong";

/** In the order of their flags, from the highest bit down. */
const properties = [
  ["contentType", "shortstr"],
  ["contentEncoding", "shortstr"],
  ["headers", "table"],
  ["deliveryMode", "octet"],
  ["priority", "octet"],
  ["correlationId", "shortstr"],
  ["replyTo", "shortstr"],
  ["expiration", "shortstr"],
  ["messageId", "shortstr"],
  ["timestamp", "longlong"],
  ["type", "shortstr"],
  ["userId", "shortstr"],
  ["appId", "shortstr"],
  ["clusterId", "shortstr"],
] as const satisfies readonly (readonly [keyof PropertyFields, PropertyType])[];

const headersFlag = flagOf("headers");
const expirationFlag = flagOf("expiration");
const scanned = new Set<string>(["deliveryMode", "priority", "expiration", "replyTo", "userId"]);

export class Properties {
  /** The flags and what follows them, as on the wire. */
  readonly bytes: Buffer;
  readonly isPersistent: boolean;
  readonly priority: number;
  /** As it was sent; it is the publisher's error when it is no number. */
  readonly expiration: string | null;
  readonly replyTo: string | null;
  readonly userId: string | null;
  readonly hasHeaders: boolean;
  #fields: PropertyFields | null = null;

  /** `bytes` must be nobody else's to change. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const found = scan(bytes);
    this.isPersistent = found.deliveryMode === 2;
    this.priority = found.priority ?? 0;
    this.expiration = found.expiration ?? null;
    this.replyTo = found.replyTo ?? null;
    this.userId = found.userId ?? null;
    this.hasHeaders = (bytes.readUInt16BE(0) & headersFlag) !== 0;
  }

  get fields(): PropertyFields {
    this.#fields ??= decode(Reader.strict(this.bytes));
    return this.#fields;
  }

  get headers(): Table {
    return this.hasHeaders ? (this.fields.headers ?? {}) : {};
  }

  /** The same with other values, or without those that are undefined. The rest is copied as it came. */
  with(changes: Changes): Properties {
    const reader = new Reader(this.bytes);
    const writer = new Writer(this.bytes.length + 64);
    const given = reader.short();
    writer.reserve(2);
    let flags = 0;
    for (const [name, type] of properties) {
      const flag = flagOf(name);
      const from = reader.at;
      if ((given & flag) !== 0) stepOver(reader, type);
      const value = changes[name];
      if (name in changes ? value === undefined : (given & flag) === 0) continue;
      flags |= flag;
      if (value === undefined) writer.raw(this.bytes.subarray(from, reader.at));
      else write(writer, type, value);
    }
    writer.bytes.writeUInt16BE(flags, 0);
    return new Properties(Buffer.from(writer.written));
  }
}

export function propertiesOf(fields: PropertyFields): Properties {
  const writer = new Writer(64);
  writer.reserve(2);
  let flags = 0;
  for (const [name, type] of properties) {
    const value = fields[name];
    if (value === undefined) continue;
    flags |= flagOf(name);
    write(writer, type, value);
  }
  writer.bytes.writeUInt16BE(flags, 0);
  return new Properties(Buffer.from(writer.written));
}

export const noProperties = propertiesOf({});

/** Whether the properties that begin there say how long their message may stay. */
export function saysExpiration(bytes: Buffer, start: number): boolean {
  return (bytes.readUInt16BE(start) & expirationFlag) !== 0;
}

function flagOf(name: keyof PropertyFields): number {
  return 1 << (15 - properties.findIndex(([other]) => other === name));
}

function write(writer: Writer, type: PropertyType, value: string | number | Table): void {
  if (typeof value === "string") writer.shortstr(value);
  else if (typeof value === "object") writeTable(writer, value);
  else if (type === "octet") writer.octet(value);
  else writer.longlong(value);
}

function decode(reader: Reader): PropertyFields {
  const flags = flagsOf(reader);
  const fields: Record<string, unknown> = {};
  properties.forEach(([name, type], at) => {
    if ((flags & (1 << (15 - at))) !== 0) fields[name] = read(reader, type);
  });
  return fields;
}

/** Reads what a broker looks at and steps over the rest, making sure that all of it is there. */
function scan(bytes: Buffer): PropertyFields {
  const reader = new Reader(bytes);
  const flags = flagsOf(reader);
  const fields: Record<string, unknown> = {};
  for (let at = 0; at < properties.length; at++) {
    if ((flags & (1 << (15 - at))) === 0) continue;
    const [name, type] = properties[at]!;
    if (scanned.has(name)) fields[name] = read(reader, type);
    else stepOver(reader, type);
  }
  if (reader.left > 0) throw new ReplyError("SYNTAX_ERROR", "a content header goes on behind its properties");
  return fields;
}

function flagsOf(reader: Reader): number {
  const flags = reader.short();
  // The two lowest bits would continue the flags, which no property needs.
  if ((flags & 3) !== 0) throw new ReplyError("SYNTAX_ERROR", "a content header has unknown properties");
  return flags;
}

function read(reader: Reader, type: PropertyType): string | number | Table {
  if (type === "table") return readTable(reader);
  // Values need be no text: a correlation id may be any bytes.
  return type === "shortstr" ? reader.looseShortstr() : reader[type]();
}

function stepOver(reader: Reader, type: PropertyType): void {
  if (type === "shortstr") reader.pass(reader.octet());
  else if (type === "table") reader.pass(reader.long());
  else reader.pass(type === "octet" ? 1 : 8);
}
