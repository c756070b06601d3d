// A line of messages of which only the front and the newest are in memory when it is long; the middle is in
// pages on disk.
import type { Backlog, Paged } from "./backlog.ts";
import { Deque } from "./deque.ts";
import type { Entry } from "./entry.ts";
import type { MessageQueue } from "./message-queue.ts";

export interface Page {
  readonly count: number;
  /** Its bytes on disk. */
  readonly size: number;
  /** Called once. */
  read(): readonly Entry[];
}

export interface Pager {
  /** `entries` are of one queue. */
  write(entries: readonly Entry[]): Page;
}

// What stays in memory of a queue: enough that a busy one never touches the disk.
const frontMax = 8_192;
const frontBytesMax = 16 * 1024 * 1024;
// A page: large enough for the disk, small enough to be read within a turn.
const pageMax = 2_048;
const pageBytesMax = 1024 * 1024;

const precedes = (one: Entry, other: Entry) => one.place < other.place;

export class PagedLine implements Backlog {
  readonly #queue: MessageQueue;
  readonly #pager: Pager | null;
  readonly #front = new Deque<Entry>();
  readonly #pages = new Deque<Page>();
  #tail: Entry[] = [];
  #frontBytes = 0;
  #tailBytes = 0;
  #paged: Paged = { count: 0, bytes: 0 };
  size = 0;

  /** Without a pager all of it is in memory. */
  constructor(queue: MessageQueue, pager: Pager | null) {
    this.#queue = queue;
    this.#pager = pager;
  }

  front(): Entry | undefined {
    if (this.#front.size === 0 && this.size > 0) this.#load();
    return this.#front.front();
  }

  push(entry: Entry): void {
    this.size++;
    if (this.#pager === null || (this.#isWhole && this.#hasRoom)) {
      this.#front.push(entry);
      this.#frontBytes += entry.size;
      return;
    }
    this.#tail.push(entry);
    this.#tailBytes += entry.size;
    if (this.#tail.length < pageMax && this.#tailBytes < pageBytesMax) return;
    this.#addPage(this.#pager.write(this.#tail));
    this.#tail = [];
    this.#tailBytes = 0;
  }

  /** Adds what an earlier run left, before anything else comes. */
  restore(page: Page): void {
    this.size += page.count;
    this.#addPage(page);
  }

  shift(): Entry | undefined {
    if (this.#front.size === 0 && this.size > 0) this.#load();
    const entry = this.#front.shift();
    if (entry === undefined) return undefined;
    this.size--;
    this.#frontBytes -= entry.size;
    return entry;
  }

  /** What is returned was at the front once, so it precedes all that is not in memory. */
  insert(entry: Entry): void {
    this.size++;
    this.#frontBytes += entry.size;
    this.#front.insert(entry, precedes);
  }

  sift(isGoing: (entry: Entry) => boolean, drop: (entry: Entry) => void): void {
    for (let first = this.front(); first !== undefined && isGoing(first); first = this.front()) {
      this.shift();
      drop(first);
    }
  }

  clear(drop: (entry: Entry) => void): void {
    for (let entry = this.shift(); entry !== undefined; entry = this.shift()) drop(entry);
  }

  get paged(): Paged {
    return this.#paged;
  }

  #addPage(page: Page): void {
    this.#pages.push(page);
    this.#notePaged(page.count, page.size);
  }

  #notePaged(count: number, bytes: number): void {
    this.#paged = { count: this.#paged.count + count, bytes: this.#paged.bytes + bytes };
  }

  get #isWhole(): boolean {
    return this.#pages.size === 0 && this.#tail.length === 0;
  }

  get #hasRoom(): boolean {
    return this.#front.size < frontMax && this.#frontBytes < frontBytesMax;
  }

  /** Moves the next page, or else the tail, to the front. */
  #load(): void {
    const page = this.#pages.shift();
    const entries = page?.read() ?? this.#tail;
    if (page === undefined) {
      this.#tail = [];
      this.#tailBytes = 0;
    } else {
      this.#queue.stats.disk_reads += page.count;
      this.#notePaged(-page.count, -page.size);
    }
    for (const entry of entries) {
      this.#front.push(entry);
      this.#frontBytes += entry.size;
    }
  }
}
