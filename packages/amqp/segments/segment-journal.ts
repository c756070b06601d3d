// The journal of persistent messages: one append-only log for all queues, in segments. What arrives while the
// disk is busy goes with the next write, so that one sync serves all of it. What was settled is written at
// once but never synced. Segments go from the oldest on; when little in them is alive, the oldest's living
// messages move to the newest.
import { fdatasync, readFileSync, write } from "node:fs";
import type { Platform } from "@micronova/kit";
import { Writer } from "../codec/writer.ts";
import type { Content } from "../content.ts";
import type { Journal } from "../virtual-host-deps.ts";
import type { WireForm } from "../wire-form.ts";
import { readRecords, writeRecord } from "./record.ts";
import { Segment, writePairs } from "./segment.ts";

export interface JournalOptions {
  readonly dir: string;
  readonly form: WireForm;
  /** Called when the disk refuses, and with null when it takes again. */
  readonly onTrouble: (reason: string | null) => void;
  /** What must be on disk before messages are: the definitions of their queues. */
  readonly before: () => void;
}

const segmentBytes = 32 * 1024 * 1024;
const bufferBytes = 1024 * 1024;
// Beyond this much that awaits the disk, publishers wait too.
const behindBytes = 64 * 1024 * 1024;
// So much garbage is never worth moving messages for.
const garbageBytesMin = 4 * segmentBytes;
const retryMs = 1_000;

export class SegmentJournal implements Journal {
  readonly #platform: Platform;
  readonly #options: JournalOptions;
  #segments: Segment[];
  #nextId: number;
  #writer = new Writer(bufferBytes);
  #spare: Writer | null = null;
  #settledPairs: number[] = [];
  /** Of messages for several queues: which of those need it no longer. */
  readonly #partly = new Map<number, number[]>();
  #waiting: { readonly batch: number; readonly then: () => void }[] = [];
  batch = 1;
  #at = 0;
  #isWriting = false;
  #isScheduled = false;
  #isSettling = false;
  #whenIdle: (() => void) | null = null;
  #liveBytes = 0;

  /** `segments` are those of an earlier run, oldest first; they are only read and removed. */
  constructor(platform: Platform, options: JournalOptions, segments: readonly Segment[], nextId: number) {
    this.#platform = platform;
    this.#options = options;
    this.#nextId = nextId;
    const number = (segments.at(-1)?.number ?? 0) + 1;
    this.#segments = [...segments, new Segment(options.dir, number)];
    this.#liveBytes = segments.reduce((sum, one) => sum + (one.bytes * one.live) / Math.max(1, one.total), 0);
    this.#dropOldest();
  }

  get isBehind(): boolean {
    return this.#writer.at > behindBytes;
  }

  add(content: Content, queues: readonly number[]): number {
    const id = this.#nextId++;
    this.#append(id, queues, content);
    return id;
  }

  settled(queue: number, id: number): void {
    const segment = this.#segmentOf(id);
    if (segment === null) return;
    const isMultiple = segment.needs(id) > 1;
    segment.settle(id);
    if (isMultiple) this.#partly.set(id, [...(this.#partly.get(id) ?? []), queue]);
    else {
      this.#partly.delete(id);
      this.#liveBytes -= segment.bytes / segment.total;
    }
    this.#settledPairs.push(queue, id);
    if (this.#isSettling) return;
    this.#isSettling = true;
    queueMicrotask(() => this.#writeSettled());
  }

  whenSynced(batch: number, then: () => void): void {
    this.#waiting.push({ batch, then });
  }

  /** Resolves when all that was added is on disk. */
  async close(): Promise<void> {
    this.#writeSettled();
    if (this.#isWriting || this.#writer.at > 0)
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        this.#flush();
      });
    for (const segment of this.#segments) segment.close();
  }

  get #newest(): Segment {
    // There always is one.
    return this.#segments.at(-1) as Segment;
  }

  #append(id: number, queues: readonly number[], content: Content): void {
    const before = this.#writer.at;
    writeRecord(this.#writer, { id, queues, content }, this.#options.form);
    const bytes = this.#writer.at - before;
    this.#newest.add(id, queues.length, bytes);
    this.#liveBytes += bytes;
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isWriting || this.#writer.at === 0) return;
    this.#isWriting = true;
    const full = this.#writer;
    this.#writer = this.#spare ?? new Writer(bufferBytes);
    this.#spare = null;
    const batch = this.batch++;
    this.#options.before();
    const segment = this.#newest;
    const at = this.#at;
    this.#at += full.at;
    // What is added from now on belongs to the next segment when this one is full.
    if (this.#at >= segmentBytes) this.#rotate();
    this.#write(segment, full, at, () => this.#synced(full, batch, segment));
  }

  /** Writes and syncs; tries again until the disk takes it, since what was accepted must not be lost. */
  #write(segment: Segment, full: Writer, at: number, done: () => void): void {
    const failed = (error: Error) => {
      this.#platform.log.error({ error, path: segment.path }, "journal cannot be written");
      this.#options.onTrouble("disk");
      void this.#platform.clock.sleep(retryMs).then(() => this.#write(segment, full, at, done));
    };
    const go = (from: number) => {
      write(segment.file, full.bytes, from, full.at - from, at + from, (error, written) => {
        if (error !== null) return failed(error);
        if (from + written < full.at) return go(from + written);
        fdatasync(segment.file, (problem) => {
          if (problem !== null) return failed(problem);
          done();
        });
      });
    };
    try {
      go(0);
    } catch (error) {
      // Opening a file throws; anything that is no Error is none of the file system's.
      failed(error as Error);
    }
  }

  #synced(full: Writer, batch: number, segment: Segment): void {
    this.#options.onTrouble(null);
    this.#isWriting = false;
    full.at = 0;
    if (full.bytes.length === bufferBytes) this.#spare = full;
    const ready = this.#waiting.filter((one) => one.batch <= batch);
    this.#waiting = this.#waiting.filter((one) => one.batch > batch);
    for (const { then } of ready) then();
    if (segment !== this.#newest) this.#dropOldest();
    if (this.#writer.at > 0) this.#flush();
    else this.#whenIdle?.();
  }

  #writeSettled(): void {
    this.#isSettling = false;
    if (this.#settledPairs.length === 0) return;
    const pairs = this.#settledPairs;
    this.#settledPairs = [];
    try {
      this.#newest.writeSettled(writePairs(pairs));
    } catch (error) {
      this.#platform.log.error({ error }, "settled messages could not be written down");
      this.#settledPairs = [...pairs, ...this.#settledPairs];
    }
    this.#dropOldest();
  }

  #rotate(): void {
    this.#segments.push(new Segment(this.#options.dir, this.#newest.number + 1));
    this.#at = 0;
    const bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    if (bytes > 2 * this.#liveBytes + garbageBytesMin) this.#moveOldest();
  }

  /** Writes what lives in the oldest segment to the newest; then the oldest goes. */
  #moveOldest(): void {
    const [oldest] = this.#segments;
    if (oldest === undefined || oldest === this.#newest) return;
    this.#liveBytes -= (oldest.bytes * oldest.live) / oldest.total;
    for (const { id, queues, content } of readRecords(readFileSync(oldest.path))) {
      if (oldest.needs(id) === 0) continue;
      const gone = this.#partly.get(id) ?? [];
      this.#partly.delete(id);
      while (oldest.settle(id));
      this.#append(
        id,
        queues.filter((queue) => !gone.includes(queue)),
        content,
      );
    }
    const { batch } = this;
    this.whenSynced(batch, () => this.#dropOldest());
  }

  #segmentOf(id: number): Segment | null {
    // Most are settled soon after they came.
    for (let at = this.#segments.length - 1; at >= 0; at--)
      if (this.#segments[at]!.needs(id) > 0) return this.#segments[at]!;
    return null;
  }

  /** Only the oldest may go: what was settled in it may stand in any later one, never the other way round. */
  #dropOldest(): void {
    while (this.#segments.length > 1 && this.#segments[0]!.live === 0 && !this.#isWriting)
      this.#segments.shift()?.remove();
  }
}
