// QEMU's machine protocol: JSON lines over a Unix socket. One connection serves one piece of work and is
// closed again, so that no state of ours has to outlive a worker.
// https://www.qemu.org/docs/master/interop/qmp-spec.html
import { open } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { basename, dirname } from "node:path";
import type { Clock, Millis } from "@micronova/kit";
import { driverErrors } from "../errors.ts";

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Qmp {
  /** Answers the command's `return`. A refusal is `driverErrors.qmpFailed`. */
  execute<T = unknown>(command: string, args?: Readonly<Record<string, unknown>>): Promise<T>;
  /** Whether such an event has come on this connection, or comes within `ms`. */
  saw(matches: (event: QmpEvent) => boolean, ms: Millis): Promise<boolean>;
  close(): void;
}

interface Reply {
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

// QEMU answers from its main loop; a loaded host may take seconds, a dead one never does.
const answerMs = 20_000;
// Events of one short connection; more than these means that nobody looks at them.
const eventsMax = 256;

/** Connects and negotiates. Throws the socket's error when nobody listens. */
export async function connectQmp(clock: Clock, path: string): Promise<Qmp> {
  // A socket's path holds 107 bytes, and a data directory may be deep: it is named from its open folder.
  await using folder = await open(dirname(path), "r");
  const socket = createConnection({ path: `/proc/self/fd/${folder.fd}/${basename(path)}` });
  const session = new QmpSession(clock, path, socket);
  try {
    await session.greeted();
    await session.execute("qmp_capabilities");
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

class QmpSession implements Qmp {
  readonly #clock: Clock;
  readonly #path: string;
  readonly #socket: Socket;
  readonly #waiters = new Map<number, Waiter>();
  readonly #events: QmpEvent[] = [];
  readonly #watchers = new Set<(event: QmpEvent) => void>();
  #lastId = 0;
  #pending = "";
  #ended: unknown = null;

  constructor(clock: Clock, path: string, socket: Socket) {
    this.#clock = clock;
    this.#path = path;
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(driverErrors.qmpClosed(path)));
  }

  // The greeting has no id; it is the answer to id 0.
  async greeted(): Promise<void> {
    await this.#answer(0);
  }

  async execute<T>(command: string, args?: Readonly<Record<string, unknown>>): Promise<T> {
    const id = ++this.#lastId;
    const answer = this.#answer(id);
    this.#socket.write(`${JSON.stringify({ execute: command, id, ...(args && { arguments: args }) })}\n`);
    const reply = await answer;
    if (reply.error !== undefined) throw driverErrors.qmpFailed(command, reply.error.desc);
    // The caller knows what this command returns; QEMU's schema is not repeated here.
    return reply.return as T;
  }

  async saw(matches: (event: QmpEvent) => boolean, ms: Millis): Promise<boolean> {
    if (this.#events.some(matches)) return true;
    const done = new AbortController();
    let watcher: (event: QmpEvent) => void = () => {};
    const seen = new Promise<boolean>((resolve) => {
      watcher = (event) => matches(event) && resolve(true);
      this.#watchers.add(watcher);
    });
    const late = this.#clock.sleep(ms, done.signal).then(
      () => false,
      () => false,
    );
    try {
      return await Promise.race([seen, late]);
    } finally {
      this.#watchers.delete(watcher);
      done.abort();
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #answer(id: number): Promise<Reply> {
    if (this.#ended !== null) throw this.#ended;
    const done = new AbortController();
    const reply = new Promise<Reply>((resolve, reject) => this.#waiters.set(id, { resolve, reject }));
    const late = this.#clock.sleep(answerMs, done.signal).then(() => {
      throw driverErrors.qmpSilent(this.#path, answerMs);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([reply, late]);
    } finally {
      this.#waiters.delete(id);
      done.abort();
    }
  }

  #read(text: string): void {
    const lines = (this.#pending + text).split("\n");
    this.#pending = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.#take(JSON.parse(line));
  }

  #take(message: Reply & Partial<QmpEvent> & { readonly id?: number; readonly QMP?: unknown }): void {
    if (message.event !== undefined) {
      const event: QmpEvent = { event: message.event, data: message.data ?? {} };
      if (this.#events.push(event) > eventsMax) this.#events.shift();
      for (const watcher of this.#watchers) watcher(event);
      return;
    }
    this.#waiters.get(message.QMP === undefined ? (message.id ?? -1) : 0)?.resolve(message);
  }

  #end(error: unknown): void {
    this.#ended ??= error;
    for (const waiter of this.#waiters.values()) waiter.reject(this.#ended);
    this.#waiters.clear();
  }
}
