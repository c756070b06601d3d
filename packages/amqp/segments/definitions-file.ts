// Virtual hosts, users, permissions, durable exchanges, queues and bindings: lines of JSON, appended as they
// come and go, and put together anew at every start. Written at once, so that a killed process loses none.
// Who may do what is synced at once too; the rest before the first message that relies on it.
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { PermissionRecord } from "../access/access.ts";
import type { UserRecord } from "../access/user.ts";
import { Reader } from "../codec/reader.ts";
import { readTable, type Table, writeTable } from "../codec/table.ts";
import { Writer } from "../codec/writer.ts";
import type { Definitions, HostSpec } from "../definitions.ts";
import type { BindingRecord, ExchangeSpec } from "../exchange/bound-exchange.ts";
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
interface ExchangeLine {
  readonly kind: "exchange";
  readonly host: string;
  readonly spec: ExchangeSpec;
}
interface QueueLine {
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
type AccessLine = HostLine | UserLine | PermissionLine;
type Line = AccessLine | ExchangeLine | QueueLine | BindingLine;

/** The kind, and what tells one of the kind from another. */
type Key = readonly [Line["kind"], ...unknown[]];

export class DefinitionsFile implements Definitions {
  readonly #path: string;
  readonly #lines = new Map<string, Line>();
  #file: number;
  #queues = 0;
  #isDirty = false;

  constructor(dir: string) {
    this.#path = join(dir, "definitions.jsonl");
    if (existsSync(this.#path)) this.#read(readFileSync(this.#path, "utf8"));
    this.#file = this.#rewrite();
  }

  get hosts(): readonly HostSpec[] {
    return this.#of("host").map(({ kind, ...spec }) => spec);
  }

  get users(): readonly UserRecord[] {
    return this.#of("user").map(({ kind, ...user }) => user);
  }

  get permissions(): readonly PermissionRecord[] {
    return this.#of("permission").map(({ kind, ...permission }) => permission);
  }

  get exchanges(): readonly ExchangeLine[] {
    return this.#of("exchange");
  }

  get queues(): readonly QueueLine[] {
    return this.#of("queue");
  }

  get bindings(): readonly BindingLine[] {
    return this.#of("binding");
  }

  putHost(spec: HostSpec): void {
    this.#put({ kind: "host", ...spec });
    this.sync();
  }

  dropHost(name: string): void {
    this.#drop(["host", name]);
    this.sync();
  }

  putUser(user: UserRecord): void {
    this.#put({ kind: "user", ...user });
    this.sync();
  }

  dropUser(name: string): void {
    this.#drop(["user", name]);
    this.sync();
  }

  putPermission(permission: PermissionRecord): void {
    this.#put({ kind: "permission", ...permission });
    this.sync();
  }

  dropPermission(user: string, host: string): void {
    this.#drop(["permission", host, user]);
    this.sync();
  }

  putExchange(host: string, spec: ExchangeSpec): void {
    this.#put({ kind: "exchange", host, spec });
  }

  dropExchange(host: string, name: string): void {
    this.#drop(["exchange", host, name]);
  }

  putQueue(host: string, spec: QueueSpec): number {
    const number = ++this.#queues;
    this.#put({ kind: "queue", host, number, spec });
    return number;
  }

  dropQueue(host: string, name: string): void {
    this.#drop(["queue", host, name]);
  }

  putBinding(host: string, binding: BindingRecord): void {
    this.#put(bindingLine(host, binding));
  }

  dropBinding(host: string, binding: BindingRecord): void {
    this.#drop(keyOf(bindingLine(host, binding)));
  }

  sync(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    fdatasyncSync(this.#file);
  }

  close(): void {
    this.sync();
    closeSync(this.#file);
  }

  #of<K extends Line["kind"]>(kind: K): readonly Extract<Line, { readonly kind: K }>[] {
    // Filtered by what tells the kinds apart.
    return [...this.#lines.values()].filter((line) => line.kind === kind) as Extract<
      Line,
      { readonly kind: K }
    >[];
  }

  #put(line: Line): void {
    const key = JSON.stringify(keyOf(line));
    const known = this.#lines.get(key);
    const text = toText(line);
    if (known !== undefined && toText(known) === text) return;
    this.#append(text);
    this.#lines.set(key, line);
  }

  #drop(key: Key): void {
    if (!this.#lines.has(JSON.stringify(key))) return;
    this.#append(JSON.stringify({ drop: key }));
    this.#strike(key);
  }

  /** A virtual host takes all that is in it along, and a user its permissions. */
  #strike(key: Key): void {
    this.#lines.delete(JSON.stringify(key));
    const [kind, name] = key;
    if (kind !== "host" && kind !== "user") return;
    for (const [other, line] of this.#lines) {
      const goesAlong =
        (kind === "host" && "host" in line && line.host === name) ||
        (kind === "user" && "user" in line && line.user === name);
      if (goesAlong) this.#lines.delete(other);
    }
  }

  #append(text: string): void {
    writeSync(this.#file, `${text}\n`);
    this.#isDirty = true;
  }

  #read(text: string): void {
    for (const one of text.split("\n")) {
      const read = parse(one);
      if (read === null) continue;
      if ("drop" in read) this.#strike(read.drop);
      else if ("queues" in read) this.#queues = Math.max(this.#queues, read.queues);
      else {
        this.#lines.set(JSON.stringify(keyOf(read)), read);
        if (read.kind === "queue") this.#queues = Math.max(this.#queues, read.number);
      }
    }
  }

  /** Puts what is left into a new file, which replaces the old one whole; returns it open. */
  #rewrite(): number {
    const fresh = `${this.#path}.new`;
    const file = openSync(fresh, "w", 0o600);
    // The highest number ever given is kept, so that none is given twice.
    const lines = [JSON.stringify({ queues: this.#queues }), ...[...this.#lines.values()].map(toText), ""];
    writeSync(file, lines.join("\n"));
    fdatasyncSync(file);
    renameSync(fresh, this.#path);
    return file;
  }
}

function bindingLine(host: string, { source, target, key, arguments: args }: BindingRecord): BindingLine {
  const isToQueue = target instanceof MessageQueue;
  return { kind: "binding", host, source: source.name, target: target.name, isToQueue, key, arguments: args };
}

function keyOf(line: Line): Key {
  if (line.kind === "host" || line.kind === "user") return [line.kind, line.name];
  if (line.kind === "permission") return [line.kind, line.host, line.user];
  if (line.kind !== "binding") return [line.kind, line.host, line.spec.name];
  const { host, source, target, isToQueue, key, arguments: args } = line;
  return [line.kind, host, source, target, isToQueue, key, encode(args)];
}

/** Tables keep their types as the bytes they have on the wire. */
function toText(line: Line): string {
  if (isOfAccess(line)) return JSON.stringify(line);
  if (line.kind === "binding") return JSON.stringify({ ...line, arguments: encode(line.arguments) });
  return JSON.stringify({ ...line, spec: { ...line.spec, arguments: encode(line.spec.arguments) } });
}

/** Null for an empty line, and for the last one when a crash cut it short. */
function parse(text: string): Line | { readonly drop: Key } | { readonly queues: number } | null {
  if (text === "") return null;
  let read: ReturnType<typeof JSON.parse>;
  try {
    read = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (read.kind === undefined || isOfAccess(read)) return read;
  if (read.kind === "binding") return { ...read, arguments: decode(read.arguments) };
  return { ...read, spec: { ...read.spec, arguments: decode(read.spec.arguments) } };
}

function isOfAccess(line: Line): line is AccessLine {
  return line.kind === "host" || line.kind === "user" || line.kind === "permission";
}

function encode(table: Table): string {
  const writer = new Writer();
  writeTable(writer, table);
  return writer.written.toString("base64");
}

function decode(text: string): Table {
  return readTable(new Reader(Buffer.from(text, "base64")));
}
