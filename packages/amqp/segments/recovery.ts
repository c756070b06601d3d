// Reads what an earlier run left: which messages were settled, and those that were not, in their order.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Content } from "../content.ts";
import { readRecords, recordIds } from "./record.ts";
import { readPairs, Segment, segmentNumber } from "./segment.ts";

export interface Recovered {
  readonly segments: readonly Segment[];
  readonly nextId: number;
}

/** Calls `restore` for each living message and queue, oldest first. `isKnown` says which queues still exist. */
export function recover(
  dir: string,
  isKnown: (queue: number) => boolean,
  restore: (queue: number, id: number, content: Content) => void,
): Recovered {
  const numbers = new Set(readdirSync(dir).map(segmentNumber));
  const segments = [...numbers]
    .filter((number) => number !== null)
    .sort((one, other) => one - other)
    .map((number) => new Segment(dir, number));
  const settled = readSettled(segments);
  const outOfTurn: { readonly id: number; readonly queues: readonly number[]; readonly content: Content }[] =
    [];
  const isMixed = areOutOfOrder(segments);
  let last = 0;
  for (const segment of segments) {
    for (const { id, queues, content } of readRecords(bytesOf(segment.path))) {
      const left = queues.filter((queue) => isKnown(queue) && settled.get(queue)?.has(id) !== true);
      // A message that was being moved may stand twice: the newer one counts.
      if (isMixed) for (const older of segments) while (older !== segment && older.settle(id));
      segment.add(id, left.length, content.size);
      last = Math.max(last, id);
      if (isMixed) outOfTurn.push({ id, queues: left, content });
      else for (const queue of left) restore(queue, id, content);
    }
  }
  outOfTurn.sort((one, other) => one.id - other.id);
  outOfTurn.forEach(({ id, queues, content }, at) => {
    if (outOfTurn[at + 1]?.id !== id) for (const queue of queues) restore(queue, id, content);
  });
  return { segments, nextId: last + 1 };
}

/** Whether messages were moved from old segments to newer ones. */
function areOutOfOrder(segments: readonly Segment[]): boolean {
  let last = 0;
  for (const { path } of segments) {
    for (const id of recordIds(bytesOf(path))) {
      if (id < last) return true;
      last = id;
    }
  }
  return false;
}

function readSettled(segments: readonly Segment[]): ReadonlyMap<number, ReadonlySet<number>> {
  const settled = new Map<number, Set<number>>();
  for (const { settledPath } of segments) {
    readPairs(bytesOf(settledPath), (queue, id) => {
      const ids = settled.get(queue);
      if (ids === undefined) settled.set(queue, new Set([id]));
      else ids.add(id);
    });
  }
  return settled;
}

/** A segment may have only one of its files. */
function bytesOf(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}
