// Reads a segment's records one after another, through a window: a segment may be larger than what memory
// should hold of it.
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { type PlacedRecord, readRecord, recordSize } from "./record.ts";

export interface SegmentRecord extends PlacedRecord {
  /** Where it begins and ends in the file. */
  readonly from: number;
  readonly to: number;
}

const windowBytes = 512 * 1024;
const nothing = Buffer.alloc(0);

/**
 * The whole records between two positions of a segment's file; what a crash left half written ends them. A
 * segment that was settled in but never written to has no such file.
 */
export function* readSegment(
  path: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): Generator<SegmentRecord> {
  if (!existsSync(path)) return;
  const file = openSync(path, "r");
  try {
    const fileSize = fstatSync(file).size;
    let window: Buffer = nothing;
    let windowAt = from;
    for (let at = from; at < to; ) {
      const size = recordSize(window, at - windowAt);
      if (size === null || at - windowAt + size > window.length) {
        const wanted = Math.min(Math.max(windowBytes, size ?? 0), fileSize - at);
        // The same once more would say no more.
        if (at === windowAt && wanted <= window.length) return;
        window = readWindow(file, at, wanted);
        windowAt = at;
        continue;
      }
      const record = readRecord(window, at - windowAt);
      if (record === null) return;
      yield { ...record, from: at, to: at + size };
      at += size;
    }
  } finally {
    closeSync(file);
  }
}

function readWindow(file: number, at: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for (let count = -1; count !== 0 && filled < size; filled += count)
    count = readSync(file, bytes, filled, size - filled, at + filled);
  return bytes.subarray(0, filled);
}
