// One segment: a file of messages, a file of what was settled while it was the newest, and how many queues
// still need each of its messages. Those that it was the first to hold have numbers without a gap.
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

export class Segment {
  /** A message that more queues need is counted elsewhere. */
  static readonly countMax = 255;
  readonly number: number;
  readonly path: string;
  readonly settledPath: string;
  /** The number of the first message that is its own. */
  first = 0;
  #counts = new Uint8Array(0);
  #size = 0;
  /** How many of its messages are needed, moved ones among them. */
  live = 0;
  /** How many messages were ever in it, and their bytes. */
  total = 0;
  bytes = 0;
  /** Its living messages are on their way to the newest segment, and safe only here. */
  isMoving = false;
  #file: number | null = null;
  #settledFile: number | null = null;
  #settledAt = 0;
  /** How many pages of an earlier run lie in it. */
  #lent = 0;
  #reading: number | null = null;

  constructor(dir: string, number: number) {
    this.number = number;
    this.path = join(dir, `${name(number)}.messages`);
    this.settledPath = join(dir, `${name(number)}.settled`);
  }

  /** For writing; positions are given with each write, and what was written is on disk. */
  get file(): number {
    this.#file ??= create(this.path, constants.O_DSYNC);
    return this.#file;
  }

  /** The number behind the last message that is its own. */
  get end(): number {
    return this.first + this.#size;
  }

  /** Counts the next message of its own. */
  count(id: number, queues: number): void {
    if (this.#size === 0) this.first = id;
    if (this.#size === this.#counts.length) {
      const grown = new Uint8Array(Math.max(countsMin, this.#size * 2));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#counts[this.#size++] = queues;
  }

  /** How many queues need a message of its own. */
  needs(id: number): number {
    return id >= this.first && id < this.end ? this.#counts[id - this.first]! : 0;
  }

  setNeeds(id: number, queues: number): void {
    this.#counts[id - this.first] = queues;
  }

  /** Appends to what was settled: what failed half way is written over by the next try. */
  writeSettled(bytes: Buffer): void {
    this.#settledFile ??= create(this.settledPath);
    for (let from = 0; from < bytes.length; )
      from += writeSync(this.#settledFile, bytes, from, bytes.length - from, this.#settledAt + from);
    this.#settledAt += bytes.length;
  }

  /** A page lies in it, which will be read: until it is given back, even a removed segment can be read. */
  lend(): void {
    this.#lent++;
  }

  giveBack(): void {
    if (--this.#lent > 0 || this.#reading === null) return;
    closeSync(this.#reading);
    this.#reading = null;
  }

  read(from: number, size: number): Buffer {
    this.#reading ??= openSync(this.path, "r");
    const bytes = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < size; filled += count)
      count = readSync(this.#reading, bytes, filled, size - filled, from + filled);
    return bytes.subarray(0, filled);
  }

  close(): void {
    for (const file of [this.#file, this.#settledFile, this.#reading]) if (file !== null) closeSync(file);
    this.#file = null;
    this.#settledFile = null;
    this.#reading = null;
  }

  remove(): void {
    this.close();
    if (this.#lent > 0) this.#reading = openSync(this.path, "r");
    // Either may never have been written.
    for (const path of [this.path, this.settledPath]) rmSync(path, { force: true });
  }
}

const countsMin = 1024;

function create(path: string, more = 0): number {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | more, 0o600);
  try {
    syncDirectory(dirname(path));
    return file;
  } catch (error) {
    closeSync(file);
    rmSync(path);
    throw error;
  }
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
