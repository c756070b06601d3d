// A message as a segment holds it: a length, a checksum, its number, the queues it is for, and its bytes.
import { crc32 } from "node:zlib";
import { Properties } from "../codec/properties.ts";
import { Reader } from "../codec/reader.ts";
import type { Writer } from "../codec/writer.ts";
import { type Content, contentOfBytes, Label } from "../content.ts";
import type { WireForm } from "../wire-form.ts";

export interface MessageRecord {
  readonly id: number;
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

export function writeRecord(writer: Writer, { id, queues, content }: MessageRecord, form: WireForm): void {
  const head = writer.reserve(headBytes);
  writer.longlong(id);
  writer.short(queues.length);
  for (const queue of queues) writer.long(queue);
  writeContent(writer, content, form);
  const payload = writer.bytes.subarray(head + headBytes, writer.at);
  writer.bytes.writeUInt32BE(payload.length, head);
  writer.bytes.writeUInt32BE(crc32(payload), head + 4);
}

/** The whole records at the beginning of a segment; what a crash left half written ends them. */
export function* readRecords(bytes: Buffer): Generator<MessageRecord> {
  for (let at = 0; at + headBytes <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const start = at + headBytes;
    const end = start + size;
    if (size === 0 || end > bytes.length) return;
    if (crc32(bytes.subarray(start, end)) !== bytes.readUInt32BE(at + 4)) return;
    const reader = new Reader(bytes, start, end);
    const id = reader.longlong();
    const queues = Array.from({ length: reader.short() }, () => reader.long());
    yield { id, queues, content: readContent(reader) };
    at = end;
  }
}

/** The numbers of a segment's records, unchecked: their order is what is asked for. */
export function* recordIds(bytes: Buffer): Generator<number> {
  for (let at = 0; at + headBytes * 2 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    if (size === 0 || at + headBytes + size > bytes.length) return;
    yield bytes.readUInt32BE(at + headBytes) * 4_294_967_296 + bytes.readUInt32BE(at + headBytes + 4);
    at += headBytes + size;
  }
}
