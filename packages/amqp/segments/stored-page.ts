// Messages of an earlier run, left where they are: a page names their places in a segment, and they are read
// when their turn comes. So a broker with a long backlog is there at once.
import assert from "node:assert/strict";
import type { RestoredMessage, RestoredPage } from "../queue/entry.ts";
import { contentOf, readRecord } from "./record.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";

/** Where a message of an earlier run stands, and what a queue must know of it. */
export interface StoredMessage {
  readonly id: number;
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
  readonly bodyBytes: number;
  readonly mayExpire: boolean;
}

// As much as is read within one turn.
const pageMax = 2_048;
const pageBytesMax = 1024 * 1024;

/** Of one queue, what it still needs, in its order. */
export function storedPages(
  messages: readonly StoredMessage[],
  segments: SegmentList,
): readonly RestoredPage[] {
  const isInOrder = messages.every(({ id }, at) => at === 0 || messages[at - 1]!.id < id);
  const ordered = isInOrder ? messages : messages.toSorted((one, other) => one.id - other.id);
  const pages: StoredPage[] = [];
  let current: StoredMessage[] = [];
  let bytes = 0;
  const close = () => {
    if (current.length > 0) pages.push(new StoredPage(current));
    current = [];
    bytes = 0;
  };
  for (const message of ordered) {
    // A message that was being moved may stand twice: the newer one counts.
    if (segments.holderOf(message.id) !== message.segment) continue;
    const isFull = current.length === pageMax || bytes >= pageBytesMax;
    if (isFull || (current[0]?.segment ?? message.segment) !== message.segment) close();
    current.push(message);
    bytes += message.to - message.from;
  }
  close();
  return pages;
}

/** It holds numbers only, and its segment until it is read. */
class StoredPage implements RestoredPage {
  readonly count: number;
  readonly bodyBytes: number;
  readonly mayExpire: boolean;
  readonly #segment: Segment;
  readonly #froms: Float64Array;
  readonly #sizes: Float64Array;

  /** `messages` are of one segment. */
  constructor(messages: readonly StoredMessage[]) {
    const [first] = messages;
    assert(first !== undefined, "a page has messages");
    this.count = messages.length;
    this.#froms = new Float64Array(messages.length);
    this.#sizes = new Float64Array(messages.length);
    messages.forEach(({ from, to }, at) => {
      this.#froms[at] = from;
      this.#sizes[at] = to - from;
    });
    this.bodyBytes = messages.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    this.mayExpire = messages.some(({ mayExpire }) => mayExpire);
    this.#segment = first.segment;
    this.#segment.lend();
  }

  read(): readonly RestoredMessage[] {
    const messages: RestoredMessage[] = [];
    for (let first = 0; first < this.count; ) {
      const from = this.#froms[first]!;
      let to = from + this.#sizes[first]!;
      let next = first + 1;
      // What stands side by side is read at once.
      for (; next < this.count && this.#froms[next] === to; next++) to += this.#sizes[next]!;
      const bytes = this.#segment.read(from, to - from);
      for (let at = 0; at < bytes.length; ) {
        const record = readRecord(bytes, at);
        assert(record !== null, `${this.#segment.path} is not what it was at the start`);
        messages.push({ id: record.id, at: record.at, content: contentOf(record, messages.at(-1)?.content) });
        at = record.end;
      }
      first = next;
    }
    this.#segment.giveBack();
    return messages;
  }
}
