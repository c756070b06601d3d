// All segments, oldest first, and what in them is still needed. Most messages are found by their number,
// since each segment has a run of its own; those that were moved from older segments, or that very many
// queues need, are strays with an entry each.
import { Segment } from "./segment.ts";

interface Stray {
  readonly segment: Segment;
  count: number;
}

export class SegmentList {
  readonly #dir: string;
  readonly #segments: Segment[] = [];
  readonly #strays = new Map<number, Stray>();
  /** Of messages that only some of their queues need still: those that do not. */
  readonly #gone = new Map<number, Set<number>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  get newest(): Segment {
    return this.#segments.at(-1) ?? this.begin();
  }

  /** Null when there is but one. */
  get oldest(): Segment | null {
    return this.#segments.length > 1 ? this.#segments[0]! : null;
  }

  /** What all of it takes on disk, and about how much of that is needed. */
  get bytes(): { readonly all: number; readonly live: number } {
    let all = 0;
    let live = 0;
    for (const segment of this.#segments) {
      all += segment.bytes;
      live += (segment.bytes * segment.live) / Math.max(1, segment.total);
    }
    return { all, live };
  }

  /** Begins a segment; without a number the next one. */
  begin(number = (this.#segments.at(-1)?.number ?? 0) + 1): Segment {
    const segment = new Segment(this.#dir, number);
    // Those without a run have their place among the others, for whoever looks for a number.
    segment.first = this.#segments.at(-1)?.end ?? 0;
    this.#segments.push(segment);
    return segment;
  }

  /** Counts a message in the newest segment. Numbers grow one by one, but for those that are `moved` here. */
  add(id: number, queues: number, bytes: number, kind: "own" | "moved"): void {
    const segment = this.newest;
    segment.total++;
    segment.bytes += bytes;
    if (queues > 0) segment.live++;
    const isCounted = kind === "own" && queues <= Segment.countMax;
    if (kind === "own") segment.count(id, isCounted ? queues : 0);
    if (!isCounted && queues > 0) this.#strays.set(id, { segment, count: queues });
  }

  /** The segment that holds a message which is needed; null when it is needed nowhere. */
  holderOf(id: number): Segment | null {
    const stray = this.#strays.get(id);
    if (stray !== undefined) return stray.segment;
    const segment = this.#segmentOf(id);
    return segment !== null && segment.needs(id) > 0 ? segment : null;
  }

  /** A queue needs a message no longer; false when none did. */
  settle(queue: number, id: number): boolean {
    const segment = this.holderOf(id);
    if (segment === null) return false;
    const stray = this.#strays.get(id);
    const left = (stray?.count ?? segment.needs(id)) - 1;
    if (stray === undefined) segment.setNeeds(id, left);
    else stray.count = left;
    if (left > 0) this.noteGone(id, queue);
    else this.#forget(segment, id);
    return true;
  }

  /** Takes a message out, whoever needs it: it was written anew elsewhere, or it is about to be. */
  takeOut(id: number): void {
    const segment = this.holderOf(id);
    if (segment === null) return;
    if (!this.#strays.has(id)) segment.setNeeds(id, 0);
    this.#forget(segment, id);
  }

  noteGone(id: number, queue: number): void {
    const gone = this.#gone.get(id);
    if (gone === undefined) this.#gone.set(id, new Set([queue]));
    else gone.add(queue);
  }

  /** Of the queues that a message was for, those that need it still. */
  leftOf(id: number, queues: readonly number[]): readonly number[] {
    const gone = this.#gone.get(id);
    return gone === undefined ? queues : queues.filter((queue) => !gone.has(queue));
  }

  /**
   * Removes the oldest segments that nobody needs. No other may go: what was settled in a segment may stand
   * in any later one, never the other way round.
   */
  dropOldest(): void {
    for (let { oldest } = this; oldest !== null && !oldest.isMoving && oldest.live === 0; { oldest } = this) {
      this.#segments.shift();
      oldest.remove();
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  #forget(segment: Segment, id: number): void {
    segment.live--;
    this.#strays.delete(id);
    this.#gone.delete(id);
  }

  /** The segment whose run a number would be in. */
  #segmentOf(id: number): Segment | null {
    const segments = this.#segments;
    // Most are settled soon after they came.
    if (id >= this.newest.first) return this.newest;
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (segments[middle]!.first <= id) low = middle;
      else high = middle - 1;
    }
    return segments[low] ?? null;
  }
}
