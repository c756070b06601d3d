// Field tables: AMQP's typed maps, with every type RabbitMQ knows. What has a plain form in JavaScript is
// plain; the rest is `Typed`, so that a table read and written again says the same.
import { isUtf8 } from "node:buffer";
import type { Json } from "../bus.ts";
import type { Reader } from "./reader.ts";
import { ReplyError } from "./reply-codes.ts";
import type { Writer } from "./writer.ts";

/** The types without a plain form of their own, by RabbitMQ's letters. */
export type TypedKind = "b" | "B" | "s" | "u" | "i" | "l" | "f" | "d" | "D" | "S" | "x" | "T";

/** A value that must keep its type on the wire. A decimal is `[scale, value]`. */
export class Typed {
  readonly kind: TypedKind;
  readonly value: number | bigint | Uint8Array | readonly [number, number];

  constructor(kind: TypedKind, value: Typed["value"]) {
    this.kind = kind;
    this.value = value;
  }
}

export type FieldValue =
  | null
  | boolean
  | number
  | string
  | Typed
  | readonly FieldValue[]
  | { readonly [key: string]: FieldValue };
export type Table = Readonly<Record<string, FieldValue>>;

// RabbitMQ has no limit of its own; nobody nests deeper, and our stack is finite.
const depthMax = 128;
const int32Max = 2 ** 31;

// Shared: most tables are empty, and those of queues are kept.
const noFields: Table = Object.freeze({});

export function readTable(reader: Reader, depth = 0): Table {
  assertDepth(depth);
  const end = sectionEnd(reader);
  if (reader.at === end) return noFields;
  const table: Record<string, FieldValue> = {};
  while (reader.at < end) {
    const name = reader.shortstr();
    // Assigned by definition: a peer may name a field `__proto__`.
    Object.defineProperty(table, name, { value: readValue(reader, depth), ...plainProperty });
  }
  assertEnd(reader, end);
  return table;
}

export function writeTable(writer: Writer, table: Table): void {
  section(writer, () => {
    for (const [name, value] of Object.entries(table)) {
      writer.shortstr(name);
      writeValue(writer, value);
    }
  });
}

/** A table in plain JSON: what the in-process door and routing by headers look at. */
export function plainTable(table: Table): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, plain(value)]));
}

const plainProperty = { enumerable: true, configurable: true, writable: true };

function readValue(reader: Reader, depth: number): FieldValue {
  const kind = String.fromCharCode(reader.octet());
  const { bytes } = reader;
  switch (kind) {
    case "t":
      return reader.octet() !== 0;
    case "I":
      return bytes.readInt32BE(reader.pass(4));
    case "S":
      return readString(reader);
    case "F":
      return readTable(reader, depth + 1);
    case "A":
      return readArray(reader, depth + 1);
    case "V":
      return null;
    case "l":
    case "L":
      return readLong(bytes.readBigInt64BE(reader.pass(8)));
    case "d":
      return readDouble(bytes.readDoubleBE(reader.pass(8)));
    default:
      return readTyped(kind, reader);
  }
}

/** The integers that do not fit 32 bits are plain when they are safe; a short one keeps its width. */
function readLong(value: bigint): FieldValue {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) && !fitsInt32(asNumber) ? asNumber : new Typed("l", value);
}

function readDouble(value: number): FieldValue {
  return Number.isFinite(value) && !Number.isInteger(value) ? value : new Typed("d", value);
}

function readTyped(kind: string, reader: Reader): Typed {
  const { bytes } = reader;
  switch (kind) {
    case "b":
      return new Typed(kind, bytes.readInt8(reader.pass(1)));
    case "B":
      return new Typed(kind, reader.octet());
    case "s":
      return new Typed(kind, bytes.readInt16BE(reader.pass(2)));
    case "u":
      return new Typed(kind, reader.short());
    case "i":
      return new Typed(kind, reader.long());
    case "f":
      return new Typed(kind, bytes.readFloatBE(reader.pass(4)));
    case "D":
      return new Typed(kind, [reader.octet(), bytes.readInt32BE(reader.pass(4))]);
    case "T":
      return new Typed(kind, reader.bigLonglong());
    case "x":
      return new Typed(kind, reader.longstr());
    default:
      throw new ReplyError("SYNTAX_ERROR", `unknown field type ${kind.charCodeAt(0)} in a table`);
  }
}

function readString(reader: Reader): FieldValue {
  const bytes = reader.longstr();
  return isUtf8(bytes) ? bytes.toString() : new Typed("S", bytes);
}

function readArray(reader: Reader, depth: number): readonly FieldValue[] {
  assertDepth(depth);
  const end = sectionEnd(reader);
  const items: FieldValue[] = [];
  while (reader.at < end) items.push(readValue(reader, depth));
  assertEnd(reader, end);
  return items;
}

function sectionEnd(reader: Reader): number {
  const size = reader.long();
  if (size > reader.left) throw new ReplyError("SYNTAX_ERROR", "a table runs over the end of its frame");
  return reader.at + size;
}

function assertEnd(reader: Reader, end: number): void {
  if (reader.at !== end) throw new ReplyError("SYNTAX_ERROR", "a table's field runs over the table's end");
}

function assertDepth(depth: number): void {
  if (depth > depthMax) throw new ReplyError("SYNTAX_ERROR", `a table is nested deeper than ${depthMax}`);
}

function writeValue(writer: Writer, value: FieldValue): void {
  if (value === null) writeKind(writer, "V");
  else if (typeof value === "boolean") {
    writeKind(writer, "t");
    writer.octet(value ? 1 : 0);
  } else if (typeof value === "string") {
    writeKind(writer, "S");
    writer.longstr(value);
  } else if (typeof value === "number") writeNumber(writer, value);
  else if (value instanceof Typed) writeTyped(writer, value);
  else if (isArray(value)) {
    writeKind(writer, "A");
    section(writer, () => {
      for (const item of value) writeValue(writer, item);
    });
  } else {
    writeKind(writer, "F");
    writeTable(writer, value);
  }
}

function isArray(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value);
}

function fitsInt32(value: number): boolean {
  return value >= -int32Max && value < int32Max;
}

function writeNumber(writer: Writer, value: number): void {
  if (!Number.isSafeInteger(value)) writeTyped(writer, new Typed("d", value));
  else if (fitsInt32(value)) {
    writeKind(writer, "I");
    const at = writer.reserve(4);
    writer.bytes.writeInt32BE(value, at);
  } else writeTyped(writer, new Typed("l", BigInt(value)));
}

/** How the numbers among the typed values are written: their size, and Node's function. */
const numberWriters: Readonly<
  Partial<Record<TypedKind, [size: number, (b: Buffer, v: number, at: number) => void]>>
> = {
  b: [1, (bytes, value, at) => bytes.writeInt8(value, at)],
  B: [1, (bytes, value, at) => bytes.writeUInt8(value, at)],
  s: [2, (bytes, value, at) => bytes.writeInt16BE(value, at)],
  u: [2, (bytes, value, at) => bytes.writeUInt16BE(value, at)],
  i: [4, (bytes, value, at) => bytes.writeUInt32BE(value, at)],
  f: [4, (bytes, value, at) => bytes.writeFloatBE(value, at)],
  d: [8, (bytes, value, at) => bytes.writeDoubleBE(value, at)],
};

function writeTyped(writer: Writer, { kind, value }: Typed): void {
  writeKind(writer, kind);
  if (value instanceof Uint8Array) {
    writer.longstr(value);
    return;
  }
  if (typeof value === "object") writer.octet(value[0]);
  const [size, write] = numberWriters[kind] ?? [typeof value === "object" ? 4 : 8, null];
  const at = writer.reserve(size);
  if (write !== null) write(writer.bytes, Number(value), at);
  else if (typeof value === "object") writer.bytes.writeInt32BE(value[1], at);
  else if (kind === "T") writer.bytes.writeBigUInt64BE(BigInt(value), at);
  else writer.bytes.writeBigInt64BE(BigInt(value), at);
}

function writeKind(writer: Writer, kind: string): void {
  writer.octet(kind.charCodeAt(0));
}

/** Writes what has its size before it. */
function section(writer: Writer, write: () => void): void {
  const size = writer.reserve(4);
  write();
  writer.bytes.writeUInt32BE(writer.at - size - 4, size);
}

function plain(value: FieldValue): Json {
  if (value === null || typeof value !== "object") return value;
  if (isArray(value)) return value.map(plain);
  if (!(value instanceof Typed)) return plainTable(value);
  const { value: inner } = value;
  if (inner instanceof Uint8Array) return Buffer.from(inner).toString("base64");
  return typeof inner === "object" ? inner[1] / 10 ** inner[0] : Number(inner);
}
