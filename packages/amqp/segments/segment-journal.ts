// The journal of persistent messages: one append-only log for all queues, in segments. What arrives while the
// disk is busy goes with the next write, so that one sync serves all of it. What was settled is written at
// once but never synced. Segments go from the oldest on; when little in them is alive, the oldest's living
// messages move to the newest. Whatever the disk refuses is kept and tried again.
import { write } from "node:fs";
import type { Millis, Platform } from "@micronova/kit";
import { Writer } from "../codec/writer.ts";
import type { Content } from "../content.ts";
import type { Journal } from "../virtual-host-deps.ts";
import type { WireForm } from "../wire-form.ts";
import { Batches } from "./batches.ts";
import { contentOf, writeRecord } from "./record.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";
import { readSegment } from "./segment-reader.ts";
import { writePairs } from "./settled-pairs.ts";

export interface JournalOptions {
  readonly dir: string;
  readonly form: WireForm;
  /** Called when the disk refuses something, and with null when it takes it again. */
  readonly onTrouble: (what: "messages" | "settled", lack: "disk" | null) => void;
  /** What must be on disk before messages are: the definitions of their queues. */
  readonly before: () => void;
  /** Writes down what was deleted so far, which goes with what was settled. */
  readonly writeDeleted?: () => void;
  /** When a segment is full; tests fill them sooner. */
  readonly segmentBytes?: number;
}

const segmentBytesDefault = 32 * 1024 * 1024;
const bufferBytes = 1024 * 1024;
// A larger buffer than this is not kept for the next batch.
const spareBytesMax = 8 * bufferBytes;
// Beyond this much that awaits the disk, publishers wait too.
const behindBytes = 64 * 1024 * 1024;
// So many segments of garbage are never worth moving messages for.
const garbageSegmentsMin = 4;
const retryMs = 1_000;

export class SegmentJournal implements Journal {
  readonly #platform: Platform;
  readonly #options: JournalOptions;
  readonly #segments: SegmentList;
  readonly #segmentBytes: number;
  #nextId: number;
  #writer = new Writer(bufferBytes);
  #spare: Writer | null = null;
  #settledPairs: number[] = [];
  readonly #batches = new Batches();
  batch = 1;
  #at = 0;
  #isWriting = false;
  #isScheduled = false;
  #isSettling = false;
  /** The disk has refused what was settled. */
  #isRefused = false;
  #isClosed = false;
  #whenIdle: (() => void) | null = null;

  /** `segments` are those of an earlier run: they are only read and removed. */
  constructor(platform: Platform, options: JournalOptions, segments: SegmentList, nextId: number) {
    this.#platform = platform;
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? segmentBytesDefault;
    this.#nextId = nextId;
    this.#segments = segments;
    segments.begin();
    segments.dropOldest();
  }

  get isBehind(): boolean {
    return this.#writer.at > behindBytes;
  }

  add(content: Content, queues: readonly number[]): number {
    const id = this.#nextId;
    this.#append({ id, at: this.#platform.clock.now(), queues, content }, "own");
    // Given only when nothing failed: a segment's own numbers have no gap.
    this.#nextId++;
    return id;
  }

  settled(queue: number, id: number, after = 0): void {
    if (after > 0) {
      this.whenSafe(after, () => this.settled(queue, id));
      return;
    }
    if (this.#segments.settle(queue, id)) this.#batches.settled(id);
    this.#settledPairs.push(queue, id);
    if (this.#isSettling) return;
    this.#isSettling = true;
    queueMicrotask(() => this.#writeSettled());
  }

  readonly writeDown = () => {
    this.#options.writeDeleted?.();
    if (this.#settledPairs.length > 0 && !this.#isRefused) this.#writeSettled();
  };

  whenSafe(batch: number, then: () => void): void {
    this.#batches.whenSafe(batch, then);
  }

  whenSynced(batch: number, then: () => void): void {
    this.#batches.whenSynced(batch, then);
  }

  /** Resolves when all that was added is on disk, or when the disk refuses it. */
  async close(): Promise<void> {
    this.#writeSettled();
    if (this.#isWriting || this.#writer.at > 0)
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        this.#flush();
      });
    this.#isClosed = true;
    this.#segments.close();
  }

  #append(
    message: {
      readonly id: number;
      readonly at: Millis;
      readonly queues: readonly number[];
      readonly content: Content;
    },
    kind: "own" | "moved",
  ): void {
    const { id, queues } = message;
    const before = this.#writer.at;
    writeRecord(this.#writer, message, this.#options.form);
    this.#segments.add(id, queues.length, this.#writer.at - before, kind);
    this.#batches.add(this.batch, this.#nextId, queues.length);
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
    const segment = this.#segments.newest;
    const at = this.#at;
    this.#at += full.at;
    // What is added from now on belongs to the next segment when this one is full.
    if (this.#at >= this.#segmentBytes) this.#rotate();
    this.#write(segment, full, at, () => this.#synced(full, batch, segment));
  }

  /** Writes and syncs; tries again until the disk takes it, since what was accepted must not be lost. */
  #write(segment: Segment, full: Writer, at: number, done: () => void): void {
    const failed = (error: Error) => {
      this.#platform.log.error({ error, path: segment.path }, "journal cannot be written");
      this.#options.onTrouble("messages", "disk");
      // Nobody was told that it is safe, and whoever stops the broker does not wait for a full disk.
      this.#whenIdle?.();
      this.#later(() => this.#write(segment, full, at, done));
    };
    const go = (from: number) => {
      write(segment.file, full.bytes, from, full.at - from, at + from, (error, written) => {
        if (error !== null) return failed(error);
        if (from + written < full.at) go(from + written);
        else done();
      });
    };
    try {
      this.#options.before();
      go(0);
    } catch (error) {
      // Opening a file throws; anything that is no Error is none of the file system's.
      failed(error as Error);
    }
  }

  #synced(full: Writer, batch: number, segment: Segment): void {
    this.#options.onTrouble("messages", null);
    this.#isWriting = false;
    full.at = 0;
    if (full.bytes.length <= spareBytesMax) this.#spare = full;
    this.#batches.synced(batch);
    if (segment !== this.#segments.newest) this.#segments.dropOldest();
    if (this.#writer.at > 0) this.#flush();
    else this.#whenIdle?.();
  }

  #writeSettled(): void {
    if (this.#settledPairs.length > 0) {
      try {
        this.#segments.newest.writeSettled(writePairs(this.#settledPairs));
      } catch (error) {
        this.#platform.log.error({ error }, "settled messages cannot be written down");
        this.#options.onTrouble("settled", "disk");
        this.#isRefused = true;
        this.#later(() => this.#writeSettled());
        return;
      }
      if (this.#isRefused) this.#options.onTrouble("settled", null);
      this.#isRefused = false;
      this.#settledPairs = [];
    }
    this.#isSettling = false;
    // A segment that is being written to stays.
    if (!this.#isWriting) this.#segments.dropOldest();
  }

  #later(again: () => void): void {
    void this.#platform.clock.sleep(retryMs).then(() => {
      if (!this.#isClosed) again();
    });
  }

  #rotate(): void {
    this.#segments.begin();
    this.#at = 0;
    const { all, live } = this.#segments.bytes;
    if (all > 2 * live + garbageSegmentsMin * this.#segmentBytes) this.#moveOldest();
  }

  /** Writes what lives in the oldest segment to the newest; when that is safe, the oldest goes. */
  #moveOldest(): void {
    const { oldest } = this.#segments;
    if (oldest === null || oldest.isMoving) return;
    oldest.isMoving = true;
    for (const record of readSegment(oldest.path)) {
      const { id, at } = record;
      if (this.#segments.holderOf(id) !== oldest) continue;
      const queues = this.#segments.leftOf(id, record.queues);
      this.#segments.takeOut(id);
      this.#append({ id, at, queues, content: contentOf(record) }, "moved");
    }
    this.whenSynced(this.batch, () => {
      oldest.isMoving = false;
      this.#segments.dropOldest();
    });
  }
}
