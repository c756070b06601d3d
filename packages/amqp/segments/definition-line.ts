// The lines of the file of definitions: what each says, what tells it from others, and how it is written.
import type { PermissionRecord } from "../access/access.ts";
import type { UserRecord } from "../access/user.ts";
import { Reader } from "../codec/reader.ts";
import { readTable, type Table, writeTable } from "../codec/table.ts";
import { Writer } from "../codec/writer.ts";
import type { HostSpec } from "../definitions.ts";
import type { BindingRecord, ExchangeSpec } from "../exchange/bound-exchange.ts";
import type { Policy } from "../policy/policy.ts";
import { MessageQueue, type QueueSpec } from "../queue/message-queue.ts";

interface HostLine extends HostSpec {
  readonly kind: "host";
}
interface UserLine extends UserRecord {
  readonly kind: "user";
}
interface PermissionLine extends PermissionRecord {
  readonly kind: "permission";
}
export interface PolicyLine {
  readonly kind: "policy";
  readonly host: string;
  readonly policy: Policy;
}
export interface ExchangeLine {
  readonly kind: "exchange";
  readonly host: string;
  readonly spec: ExchangeSpec;
}
export interface QueueLine {
  readonly kind: "queue";
  readonly host: string;
  readonly number: number;
  readonly spec: QueueSpec;
}
export interface BindingLine {
  readonly kind: "binding";
  readonly host: string;
  readonly source: string;
  readonly target: string;
  readonly isToQueue: boolean;
  readonly key: string;
  readonly arguments: Table;
}
/** Lines without tables. */
type PlainLine = HostLine | UserLine | PermissionLine | PolicyLine;
export type Line = PlainLine | ExchangeLine | QueueLine | BindingLine;

/** The kind, and what tells one of the kind from another. */
export type Key = readonly [Line["kind"], ...unknown[]];

export function bindingLine(
  host: string,
  { source, target, key, arguments: args }: BindingRecord,
): BindingLine {
  const isToQueue = target instanceof MessageQueue;
  return { kind: "binding", host, source: source.name, target: target.name, isToQueue, key, arguments: args };
}

export function keyOf(line: Line): Key {
  if (line.kind === "host" || line.kind === "user") return [line.kind, line.name];
  if (line.kind === "permission") return [line.kind, line.host, line.user];
  if (line.kind === "policy") return [line.kind, line.host, line.policy.name];
  if (line.kind !== "binding") return [line.kind, line.host, line.spec.name];
  const { host, source, target, isToQueue, key, arguments: args } = line;
  return [line.kind, host, source, target, isToQueue, key, encode(args)];
}

/** Tables keep their types as the bytes they have on the wire. */
export function toText(line: Line): string {
  if (isPlain(line)) return JSON.stringify(line);
  if (line.kind === "binding") return JSON.stringify({ ...line, arguments: encode(line.arguments) });
  return JSON.stringify({ ...line, spec: { ...line.spec, arguments: encode(line.spec.arguments) } });
}

/** Null for what is no line of ours: one that a power cut has spoilt. */
export function parse(text: string): Line | { readonly drop: Key } | { readonly queues: number } | null {
  let read: ReturnType<typeof JSON.parse>;
  try {
    read = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (typeof read !== "object" || read === null) return null;
  if (read.kind === undefined || isPlain(read)) return read;
  if (read.kind === "binding") return { ...read, arguments: decode(read.arguments) };
  return { ...read, spec: { ...read.spec, arguments: decode(read.spec.arguments) } };
}

const plainKinds: readonly Line["kind"][] = ["host", "user", "permission", "policy"];

function isPlain(line: Line): line is PlainLine {
  return plainKinds.includes(line.kind);
}

function encode(table: Table): string {
  const writer = new Writer();
  writeTable(writer, table);
  return writer.written.toString("base64");
}

function decode(text: string): Table {
  return readTable(new Reader(Buffer.from(text, "base64")));
}
