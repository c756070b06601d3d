// Virtual hosts, users, permissions, policies, durable exchanges, queues and bindings: lines of JSON,
// appended as they come and go, and put together anew at every start. Written at once, so that a killed
// process loses none. What an operator says is synced at once too; the rest before the first message that
// relies on it. What a full disk does not take is not there; what it does not let go comes back only if the
// broker is killed meanwhile.
import { join } from "node:path";
import { isFault, type Platform } from "@micronova/kit";
import type { PermissionRecord } from "../access/access.ts";
import type { UserRecord } from "../access/user.ts";
import type { Definitions, HostSpec } from "../definitions.ts";
import { amqpErrors } from "../errors.ts";
import type { BindingRecord, ExchangeSpec } from "../exchange/bound-exchange.ts";
import type { Policy } from "../policy/policy.ts";
import type { QueueSpec } from "../queue/message-queue.ts";
import {
  type BindingLine,
  bindingLine,
  type ExchangeLine,
  type Key,
  keyOf,
  type Line,
  type PolicyLine,
  parse,
  type QueueLine,
  toText,
} from "./definition-line.ts";
import { LineFile } from "./line-file.ts";

// How many lines without a meaning are worth a new file.
const staleLinesMin = 10_000;
const retryMs = 1_000;

export class DefinitionsFile implements Definitions {
  readonly #platform: Platform;
  readonly #onTrouble: (lack: "disk" | null) => void;
  readonly #file: LineFile;
  readonly #lines = new Map<string, Line>();
  /** What was struck out while the disk took nothing: it must come before any other line. */
  #owed: string[] = [];
  #written = 0;
  #queues = 0;
  /** The disk has refused what was struck out. */
  #isRefused = false;
  /** A sync failed: what of the file is on disk nobody knows. */
  #isSuspect = false;
  #isClosed = false;

  /** `onTrouble` is called when the disk refuses, and with null when it takes again. */
  constructor(dir: string, platform: Platform, onTrouble: (lack: "disk" | null) => void) {
    this.#platform = platform;
    this.#onTrouble = onTrouble;
    this.#file = new LineFile(join(dir, "definitions.jsonl"));
    for (const text of this.#file.found) this.#read(text);
    this.#tidy();
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

  get policies(): readonly PolicyLine[] {
    return this.#of("policy");
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

  putPolicy(host: string, policy: Policy): void {
    this.#put({ kind: "policy", host, policy });
    this.sync();
  }

  dropPolicy(host: string, name: string): void {
    this.#drop(["policy", host, name]);
    this.sync();
  }

  putExchange(host: string, spec: ExchangeSpec): void {
    this.#put({ kind: "exchange", host, spec });
  }

  dropExchange(host: string, name: string): void {
    this.#dropLate(["exchange", host, name]);
  }

  putQueue(host: string, spec: QueueSpec): number {
    const number = ++this.#queues;
    this.#put({ kind: "queue", host, number, spec });
    return number;
  }

  dropQueue(host: string, name: string): void {
    this.#dropLate(["queue", host, name]);
  }

  putBinding(host: string, binding: BindingRecord): void {
    this.#put(bindingLine(host, binding));
  }

  dropBinding(host: string, binding: BindingRecord): void {
    this.#dropLate(keyOf(bindingLine(host, binding)));
  }

  /** Throws when not all of it can be made safe. */
  sync(): void {
    this.#write([]);
    if (this.#isSuspect) this.#replace();
    this.#isSuspect = true;
    this.#file.sync();
    this.#isSuspect = false;
  }

  /** What the disk refuses now stays as it was. */
  close(): void {
    this.#isClosed = true;
    try {
      this.sync();
    } catch (error) {
      this.#platform.log.error({ error }, "the last definitions could not be written down");
    }
    this.#file.close();
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
    this.#write([text]);
    this.#lines.set(key, line);
  }

  #drop(key: Key): void {
    if (!this.#lines.has(JSON.stringify(key))) return;
    this.#write([JSON.stringify({ drop: key })]);
    this.#strike(key);
  }

  /** Strikes out what is gone already. It is written down with all that goes in the same turn. */
  #dropLate(key: Key): void {
    if (!this.#lines.has(JSON.stringify(key))) return;
    this.#strike(key);
    this.#owed.push(JSON.stringify({ drop: key }));
    if (this.#owed.length === 1) queueMicrotask(() => this.writeDown());
  }

  /** Writes what was struck out, now if the disk takes it. */
  writeDown(): void {
    if (this.#owed.length > 0 && !this.#isRefused) this.#writeOwed();
  }

  #writeOwed(): void {
    if (this.#isClosed) return;
    try {
      this.#write([]);
      if (this.#isRefused) this.#onTrouble(null);
      this.#isRefused = false;
    } catch (error) {
      if (!isFault(error, amqpErrors.diskRefuses)) throw error;
      this.#isRefused = true;
      this.#onTrouble("disk");
      void this.#platform.clock.sleep(retryMs).then(() => this.#writeOwed());
    }
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

  /** Writes what is owed and these lines. Throws when the disk refuses; then none of it is there. */
  #write(lines: readonly string[]): void {
    const all = [...this.#owed, ...lines];
    if (all.length === 0) return;
    try {
      this.#file.append(all);
    } catch (error) {
      this.#platform.log.error({ error }, "definitions cannot be written");
      throw amqpErrors.diskRefuses();
    }
    this.#owed = [];
    this.#written += all.length;
    if (this.#written > 2 * this.#lines.size + staleLinesMin) this.#tidy();
  }

  #tidy(): void {
    try {
      this.#replace();
    } catch (error) {
      // The old file is whole; it is only longer than it need be.
      this.#platform.log.warn({ error }, "definitions cannot be written anew");
      this.#written = 0;
    }
  }

  #replace(): void {
    // The highest number ever given is kept, so that none is given twice.
    this.#file.replace([
      JSON.stringify({ queues: this.#queues }),
      ...[...this.#lines.values()].map(toText),
      ...this.#owed,
    ]);
    this.#isSuspect = false;
    this.#owed = [];
    this.#written = this.#lines.size;
  }

  #read(text: string): void {
    const read = parse(text);
    if (read === null) return;
    if ("drop" in read) this.#strike(read.drop);
    else if ("queues" in read) this.#queues = Math.max(this.#queues, read.queues);
    else {
      this.#lines.set(JSON.stringify(keyOf(read)), read);
      if (read.kind === "queue") this.#queues = Math.max(this.#queues, read.number);
    }
  }
}
