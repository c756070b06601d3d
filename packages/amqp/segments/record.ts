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

/**
 * The body remains a range of the reader's bytes. Producers repeat themselves: what the message before has
 * just so is shared with it.
 */
export function readContent(reader: Reader, before: Content | null = null): Content {
  const { bytes } = reader;
  const labelBytes = reader.short();
  const labelAt = reader.pass(labelBytes);
  const propertiesBytes = reader.long();
  const propertiesAt = reader.pass(propertiesBytes);
  const isSame = (known: Buffer | undefined, at: number, count: number) =>
    known?.length === count && bytes.compare(known, 0, count, at, at + count) === 0;
  const label = isSame(before?.label.bytes, labelAt, labelBytes) ? before!.label : readLabel(bytes, labelAt);
  const properties = isSame(before?.wireProperties?.bytes, propertiesAt, propertiesBytes)
    ? before!.wireProperties!
    : new Properties(Buffer.from(bytes.subarray(propertiesAt, propertiesAt + propertiesBytes)));
  const size = reader.long();
  const at = reader.pass(size);
  const content = contentOfBytes(label, properties, bytes);
  content.start = at;
  content.end = at + size;
  return content;
}

function readLabel(bytes: Buffer, at: number): Label {
  const names = new Reader(bytes, at);
  const exchange = names.shortstr();
  return new Label(exchange, names.shortstr());
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

export function contentOf({ bytes, contentAt, end }: PlacedRecord, before: Content | null = null): Content {
  return readContent(new Reader(bytes, contentAt, end), before);
}
