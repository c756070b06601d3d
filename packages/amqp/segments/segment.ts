// One segment: a file of messages, a file of what was settled while it was the newest, and how many queues
// still need each of its messages.
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A queue and a message's number. */
const pairBytes = 12;

export class Segment {
  readonly number: number;
  readonly path: string;
  readonly settledPath: string;
  /** How many queues need each message: by its number, from `#first` on. */
  readonly #counts: number[] = [];
  #first = 0;
  /** The same for messages that were moved here from older segments. */
  readonly #moved = new Map<number, number>();
  live = 0;
  /** How many messages were ever in it, and their bytes. */
  total = 0;
  bytes = 0;
  #file: number | null = null;
  #settledFile: number | null = null;

  constructor(dir: string, number: number) {
    this.number = number;
    this.path = join(dir, `${name(number)}.messages`);
    this.settledPath = join(dir, `${name(number)}.settled`);
  }

  /** For writing; positions are given with each write. */
  get file(): number {
    this.#file ??= openSync(this.path, "w", 0o600);
    return this.#file;
  }

  get lastOwn(): number {
    return this.#counts.length === 0 ? 0 : this.#first + this.#counts.length - 1;
  }

  add(id: number, queues: number, bytes: number): void {
    if (this.#counts.length === 0) this.#first = id;
    if (id >= this.#first + this.#counts.length) {
      while (this.#first + this.#counts.length < id) this.#counts.push(0);
      this.#counts.push(queues);
    } else this.#moved.set(id, queues);
    this.total++;
    this.bytes += bytes;
    if (queues > 0) this.live++;
  }

  needs(id: number): number {
    return this.#moved.get(id) ?? this.#counts[id - this.#first] ?? 0;
  }

  /** One queue less needs it; false when it is not here. */
  settle(id: number): boolean {
    const count = this.needs(id);
    if (count === 0) return false;
    if (this.#moved.has(id)) {
      if (count === 1) this.#moved.delete(id);
      else this.#moved.set(id, count - 1);
    } else this.#counts[id - this.#first] = count - 1;
    if (count === 1) this.live--;
    return true;
  }

  writeSettled(bytes: Buffer): void {
    this.#settledFile ??= openSync(this.settledPath, "a", 0o600);
    writeSync(this.#settledFile, bytes);
  }

  close(): void {
    for (const file of [this.#file, this.#settledFile]) if (file !== null) closeSync(file);
    this.#file = null;
    this.#settledFile = null;
  }

  remove(): void {
    this.close();
    // Either may never have been written.
    for (const path of [this.path, this.settledPath]) rmSync(path, { force: true });
  }
}

export function writePairs(pairs: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe((pairs.length / 2) * pairBytes);
  for (let at = 0, to = 0; at < pairs.length; at += 2, to += pairBytes) {
    bytes.writeUInt32BE(pairs[at]!, to);
    bytes.writeDoubleBE(pairs[at + 1]!, to + 4);
  }
  return bytes;
}

/** Calls for every whole pair. */
export function readPairs(bytes: Buffer, found: (queue: number, id: number) => void): void {
  for (let at = 0; at + pairBytes <= bytes.length; at += pairBytes)
    found(bytes.readUInt32BE(at), bytes.readDoubleBE(at + 4));
}

const digits = 10;

function name(number: number): string {
  return String(number).padStart(digits, "0");
}

/** The number of a segment from the name of one of its files; null for another file. */
export function segmentNumber(file: string): number | null {
  const match = /^(\d{10})\.(?:messages|settled)$/.exec(file);
  return match === null ? null : Number(match[1]);
}
