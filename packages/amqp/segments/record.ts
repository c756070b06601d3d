// A message as a segment holds it: a length, a checksum, its number, when it came, the queues it is for, and
// its bytes.
import { crc32 } from "node:zlib";
import type { Millis } from "@micronova/kit";
import { Properties, saysExpiration } from "../codec/properties.ts";
import { Reader } from "../codec/reader.ts";
import type { Writer } from "../codec/writer.ts";
import { type Content, contentOfBytes, Label } from "../content.ts";
import type { WireForm } from "../wire-form.ts";

export interface MessageRecord {
  readonly id: number;
  /** When it came: its time to live goes on from there after a restart. */
  readonly at: Millis;
  readonly queues: readonly number[];
  readonly content: Content;
}

const headBytes = 8;

export function writeContent(writer: Writer, content: Content, form: WireForm): void {
  const label = content.label.bytes;
  writer.short(label.length);
  writer.raw(label);
  writer.longstr(content.properties(form).bytes);
  const { bytes, start, end, parts } = content.body(form);
  writer.long(content.size);
  if (parts === null) writer.raw(bytes.subarray(start, end));
  else for (const part of parts) writer.raw(part);
}

/** The body remains a range of the reader's bytes. */
export function readContent(reader: Reader): Content {
  const labelBytes = reader.short();
  const labelAt = reader.pass(labelBytes);
  const names = new Reader(reader.bytes, labelAt, labelAt + labelBytes);
  const exchange = names.shortstr();
  const label = new Label(exchange, names.shortstr());
  const properties = new Properties(reader.longstr());
  const size = reader.long();
  const at = reader.pass(size);
  const content = contentOfBytes(label, properties, reader.bytes);
  content.start = at;
  content.end = at + size;
  return content;
}

/** Writes all of it or, when it throws, nothing: half a record would hide all that follow. */
export function writeRecord(
  writer: Writer,
  { id, at, queues, content }: MessageRecord,
  form: WireForm,
): void {
  const head = writer.at;
  try {
    writer.reserve(headBytes);
    writer.longlong(id);
    writer.longlong(at);
    writer.long(queues.length);
    for (const queue of queues) writer.long(queue);
    writeContent(writer, content, form);
  } catch (error) {
    writer.at = head;
    throw error;
  }
  const payload = writer.bytes.subarray(head + headBytes, writer.at);
  writer.bytes.writeUInt32BE(payload.length, head);
  writer.bytes.writeUInt32BE(crc32(payload), head + 4);
}

/** A record as it stands among bytes, its content not yet read. */
export interface PlacedRecord extends Omit<MessageRecord, "content"> {
  readonly bytes: Buffer;
  readonly contentAt: number;
  readonly bodyBytes: number;
  /** Whether the message itself says how long it may stay. */
  readonly mayExpire: boolean;
  /** Where the next one begins. */
  readonly end: number;
}

/** How many bytes the record that begins at `start` has; null when not even that is there. */
export function recordSize(bytes: Buffer, start: number): number | null {
  return start + headBytes > bytes.length ? null : headBytes + bytes.readUInt32BE(start);
}

/** The record that begins at `start`; null when it is not whole. */
export function readRecord(bytes: Buffer, start: number): PlacedRecord | null {
  const size = recordSize(bytes, start);
  if (size === null || size === headBytes || start + size > bytes.length) return null;
  const from = start + headBytes;
  const end = start + size;
  if (crc32(bytes.subarray(from, end)) !== bytes.readUInt32BE(start + 4)) return null;
  const reader = new Reader(bytes, from, end);
  const id = reader.longlong();
  const at = reader.longlong();
  const queues: number[] = [];
  for (let left = reader.long(); left > 0; left--) queues.push(reader.long());
  const contentAt = reader.at;
  reader.pass(reader.short());
  const propertiesBytes = reader.long();
  const mayExpire = saysExpiration(bytes, reader.pass(propertiesBytes));
  return { id, at, queues, bytes, contentAt, bodyBytes: reader.long(), mayExpire, end };
}

export function contentOf({ bytes, contentAt, end }: PlacedRecord): Content {
  return readContent(new Reader(bytes, contentAt, end));
}
