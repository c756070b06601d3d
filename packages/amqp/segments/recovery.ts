// Reads what an earlier run left: which messages were settled, and where those stand that were not. Each
// segment is looked through once; the messages stay in it, so that memory holds little however much there is.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { RestoredPage } from "../queue/entry.ts";
import { Segment, segmentNumber } from "./segment.ts";
import { SegmentList } from "./segment-list.ts";
import { readSegment } from "./segment-reader.ts";
import { readPairs } from "./settled-pairs.ts";
import { type StoredMessage, storedPages } from "./stored-page.ts";

export interface Recovered {
  readonly segments: SegmentList;
  readonly nextId: number;
}

/** Calls `restore` for each queue that needs messages. `isKnown` says which queues still exist. */
export function recover(
  dir: string,
  isKnown: (queue: number) => boolean,
  restore: (queue: number, pages: readonly RestoredPage[]) => void,
): Recovered {
  const numbers = [...new Set(readdirSync(dir).map(segmentNumber))]
    .filter((number) => number !== null)
    .sort((one, other) => one - other);
  const settled = new SettledPairs(numbers.map((number) => new Segment(dir, number).settledPath));
  const needs = (queue: number, id: number) => isKnown(queue) && !settled.has(queue, id);
  const segments = new SegmentList(dir);
  const stored = new Map<number, StoredMessage[]>();
  const keep = (queue: number, message: StoredMessage) => {
    const messages = stored.get(queue);
    if (messages === undefined) stored.set(queue, [message]);
    else messages.push(message);
  };
  let last = 0;
  for (const number of numbers) {
    const scan = new SegmentScan(segments.begin(number), needs, keep);
    scan.count(segments, last);
    last = Math.max(last, scan.last);
  }
  for (const [queue, messages] of stored) restore(queue, storedPages(messages, segments));
  // A message may have been settled before it reached the disk, which it never did: its number was used.
  return { segments, nextId: Math.max(last, settled.last) + 1 };
}

class SettledPairs {
  /** The highest number among them. */
  last = 0;
  readonly #byQueue = new Map<number, Set<number>>();

  constructor(paths: readonly string[]) {
    // A segment in which nothing was settled has no such file.
    for (const path of paths)
      if (existsSync(path)) readPairs(readFileSync(path), (queue, id) => this.#add(queue, id));
  }

  has(queue: number, id: number): boolean {
    return this.#byQueue.get(queue)?.has(id) === true;
  }

  #add(queue: number, id: number): void {
    const ids = this.#byQueue.get(queue);
    if (ids === undefined) this.#byQueue.set(queue, new Set([id]));
    else ids.add(id);
    this.last = Math.max(this.last, id);
  }
}

/** What stands in a segment, each message by its number. */
class SegmentScan {
  last = 0;
  readonly #ids: number[] = [];
  /** How many queues need each of them still. */
  readonly #needs: number[] = [];
  readonly #ends: number[] = [];
  readonly #gone: (readonly [id: number, queue: number])[] = [];

  constructor(
    segment: Segment,
    needs: (queue: number, id: number) => boolean,
    keep: (queue: number, message: StoredMessage) => void,
  ) {
    for (const { id, queues, from, to, bodyBytes, mayExpire } of readSegment(segment.path)) {
      const left = queues.filter((queue) => needs(queue, id));
      this.#ids.push(id);
      this.#needs.push(left.length);
      this.#ends.push(to);
      if (left.length > 0 && left.length < queues.length)
        for (const queue of queues) if (!needs(queue, id)) this.#gone.push([id, queue]);
      this.last = Math.max(this.last, id);
      for (const queue of left) keep(queue, { id, segment, from, to, bodyBytes, mayExpire });
    }
  }

  /** Counts all of it. `before` is the highest number of the segments before it. */
  count(segments: SegmentList, before: number): void {
    const own = this.#ownFrom(before);
    this.#ids.forEach((id, at) => {
      const from = this.#ends[at - 1] ?? 0;
      const to = this.#ends[at]!;
      // What was moved here may still stand where it came from.
      if (at < own) segments.takeOut(id);
      segments.add(id, this.#needs[at]!, to - from, at < own ? "moved" : "own");
    });
    for (const [id, queue] of this.#gone) segments.noteGone(id, queue);
  }

  /** Where those begin that the segment was the first to hold: their numbers have no gap, to its end. */
  #ownFrom(before: number): number {
    let from = this.#ids.length;
    for (let at = from - 1; at >= 0 && this.#ids[at]! > before; at--) {
      if (at + 1 < this.#ids.length && this.#ids[at]! + 1 !== this.#ids[at + 1]) break;
      from = at;
    }
    return from;
  }
}
