// Reads what an earlier run left: which messages were settled, and those that were not, in their order. All
// segments are looked through first; then their runs of growing numbers are read side by side, so that memory
// holds little however much there is.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { RestoredMessage } from "../queue/entry.ts";
import { contentOf } from "./record.ts";
import { Segment, segmentNumber } from "./segment.ts";
import { SegmentList } from "./segment-list.ts";
import { readSegment, type SegmentRecord } from "./segment-reader.ts";
import { readPairs } from "./settled-pairs.ts";

export interface Recovered {
  readonly segments: SegmentList;
  readonly nextId: number;
}

/** Part of a segment in which numbers grow. */
interface Run {
  readonly segment: Segment;
  readonly first: number;
  readonly from: number;
  to: number;
}

/** Calls `restore` for each living message and queue, oldest first. `isKnown` says which queues still exist. */
export function recover(
  dir: string,
  isKnown: (queue: number) => boolean,
  restore: (queue: number, message: RestoredMessage) => void,
): Recovered {
  const numbers = [...new Set(readdirSync(dir).map(segmentNumber))]
    .filter((number) => number !== null)
    .sort((one, other) => one - other);
  const settled = new SettledPairs(numbers.map((number) => new Segment(dir, number).settledPath));
  const needs = (queue: number, id: number) => isKnown(queue) && !settled.has(queue, id);
  const segments = new SegmentList(dir);
  const runs: Run[] = [];
  let last = 0;
  for (const number of numbers) {
    const scan = new SegmentScan(segments.begin(number), needs);
    runs.push(...scan.count(segments, last));
    last = Math.max(last, scan.last);
  }
  for (const [segment, record] of inOrder(runs)) {
    const { id, at, queues } = record;
    // A message that was being moved may stand twice: the newer one counts.
    if (segments.holderOf(id) !== segment) continue;
    for (const queue of queues) if (needs(queue, id)) restore(queue, { id, at, content: contentOf(record) });
  }
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
  readonly #segment: Segment;
  readonly #ids: number[] = [];
  /** How many queues need each of them still. */
  readonly #needs: number[] = [];
  readonly #ends: number[] = [];
  readonly #gone: (readonly [id: number, queue: number])[] = [];

  constructor(segment: Segment, needs: (queue: number, id: number) => boolean) {
    this.#segment = segment;
    for (const { id, queues, to } of readSegment(segment.path)) {
      const left = queues.filter((queue) => needs(queue, id));
      this.#ids.push(id);
      this.#needs.push(left.length);
      this.#ends.push(to);
      if (left.length > 0 && left.length < queues.length)
        for (const queue of queues) if (!needs(queue, id)) this.#gone.push([id, queue]);
      this.last = Math.max(this.last, id);
    }
  }

  /** Counts all of it, and names the runs. `before` is the highest number of the segments before it. */
  count(segments: SegmentList, before: number): readonly Run[] {
    const runs: Run[] = [];
    const own = this.#ownFrom(before);
    this.#ids.forEach((id, at) => {
      const from = this.#ends[at - 1] ?? 0;
      const to = this.#ends[at]!;
      // What was moved here may still stand where it came from.
      if (at < own) segments.takeOut(id);
      segments.add(id, this.#needs[at]!, to - from, at < own ? "moved" : "own");
      const run = runs.at(-1);
      if (run === undefined || at === own || id < this.#ids[at - 1]!)
        runs.push({ segment: this.#segment, first: id, from, to });
      else run.to = to;
    });
    for (const [id, queue] of this.#gone) segments.noteGone(id, queue);
    return runs;
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

/** All records by their numbers; of the same number the older segment's first. */
function* inOrder(runs: readonly Run[]): Generator<readonly [Segment, SegmentRecord]> {
  const waiting = runs.toSorted((one, other) => one.first - other.first);
  const open: { readonly run: Run; readonly records: Iterator<SegmentRecord>; record: SegmentRecord }[] = [];
  for (let at = 0; ; ) {
    let next = open[0];
    for (const other of open) if (next === undefined || other.record.id < next.record.id) next = other;
    const run = waiting[at];
    if (run !== undefined && (next === undefined || run.first <= next.record.id)) {
      at++;
      const records = readSegment(run.segment.path, run.from, run.to);
      const first = records.next();
      if (first.done !== true) open.push({ run, records, record: first.value });
      continue;
    }
    if (next === undefined) return;
    yield [next.run.segment, next.record];
    const following = next.records.next();
    if (following.done === true) open.splice(open.indexOf(next), 1);
    else next.record = following.value;
  }
}
