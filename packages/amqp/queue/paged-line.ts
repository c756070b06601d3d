// A line of messages of which only the front and the newest are in memory when it is long; the middle is in
// pages on disk.
import type { Millis } from "@micronova/kit";
import type { Backlog, Paged } from "./backlog.ts";
import { Deque } from "./deque.ts";
import type { Entry } from "./entry.ts";
import { Heap } from "./heap.ts";
import type { MessageQueue } from "./message-queue.ts";

export interface Page {
  readonly count: number;
  readonly bodyBytes: number;
  /** Called once. */
  read(): readonly Entry[];
}

/** How much of a line stays in memory, and how large a page is. */
export interface PagingLimits {
  readonly frontMax: number;
  readonly frontBytesMax: number;
  readonly pageMax: number;
  readonly pageBytesMax: number;
}

export interface Pager {
  readonly limits: PagingLimits;
  /** `entries` are of one queue. Null when the disk has no room: then they stay in memory. */
  write(entries: readonly Entry[]): Page | null;
}

export const pagingLimits: PagingLimits = {
  // What stays in memory of a queue: enough that a busy one never touches the disk.
  frontMax: 8_192,
  frontBytesMax: 16 * 1024 * 1024,
  // A page: large enough for the disk, small enough to be read within a turn.
  pageMax: 2_048,
  pageBytesMax: 1024 * 1024,
};

const precedes = (one: Entry, other: Entry) => one.place < other.place;

export class PagedLine implements Backlog {
  readonly #queue: MessageQueue;
  readonly #pager: Pager | null;
  readonly #front = new Deque<Entry>();
  /** What was given back. It was at the front once, so it precedes all that has not been there. */
  #returned: Heap<Entry> | null = null;
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
    return this.#isReturnedNext() ? this.#returned?.front() : this.#front.front();
  }

  push(entry: Entry): void {
    this.size++;
    if (this.#pager === null || (this.#isWhole && this.#hasRoom(this.#pager.limits))) {
      this.#front.push(entry);
      this.#frontBytes += entry.size;
      return;
    }
    this.#tail.push(entry);
    this.#tailBytes += entry.size;
    const { pageMax, pageBytesMax } = this.#pager.limits;
    if (this.#tail.length >= pageMax || this.#tailBytes >= pageBytesMax) this.#pageTail(this.#pager);
  }

  /** Adds what an earlier run left, before anything else comes. */
  restore(page: Page): void {
    this.size += page.count;
    this.#addPage(page);
  }

  shift(): Entry | undefined {
    const entry = this.#isReturnedNext() ? this.#returned?.shift() : this.#shiftFront();
    if (entry !== undefined) this.size--;
    return entry;
  }

  insert(entry: Entry): void {
    this.size++;
    this.#returned ??= new Heap<Entry>(precedes);
    this.#returned.push(entry);
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

  get nextExpiry(): Millis {
    return this.front()?.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  get paged(): Paged {
    return this.#paged;
  }

  #addPage(page: Page): void {
    this.#pages.push(page);
    this.#notePaged(page.count, page.bodyBytes);
  }

  #notePaged(count: number, bytes: number): void {
    this.#paged = { count: this.#paged.count + count, bytes: this.#paged.bytes + bytes };
  }

  get #isWhole(): boolean {
    return this.#pages.size === 0 && this.#tail.length === 0;
  }

  #hasRoom({ frontMax, frontBytesMax }: PagingLimits): boolean {
    return this.#front.size < frontMax && this.#frontBytes < frontBytesMax;
  }

  /** Whether what was given back is next. If not, the front is made ready. */
  #isReturnedNext(): boolean {
    if (this.#returned !== null && this.#returned.size > 0) return true;
    if (this.#front.size === 0 && this.size > 0) this.#load();
    return false;
  }

  #shiftFront(): Entry | undefined {
    const entry = this.#front.shift();
    if (entry !== undefined) this.#frontBytes -= entry.size;
    return entry;
  }

  /** Writes the tail to disk; in several pages when it has grown while the disk was full. */
  #pageTail(pager: Pager): void {
    while (this.#tail.length > 0) {
      const page = pager.write(this.#tail.slice(0, pager.limits.pageMax));
      if (page === null) return;
      this.#addPage(page);
      this.#tail = this.#tail.slice(page.count);
      this.#tailBytes = this.#tail.reduce((bytes, { size }) => bytes + size, 0);
    }
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
      this.#notePaged(-page.count, -page.bodyBytes);
    }
    for (const entry of entries) {
      this.#front.push(entry);
      this.#frontBytes += entry.size;
    }
  }
}
