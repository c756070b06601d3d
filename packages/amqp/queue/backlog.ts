// What waits in a queue, in order; with priorities one line for each of them, the highest first.
import type { Entry } from "./entry.ts";

/** What of a line is on disk alone. */
export interface Paged {
  readonly count: number;
  /** Of the bodies. */
  readonly bytes: number;
}

export interface Backlog {
  readonly size: number;
  front(): Entry | undefined;
  push(entry: Entry): void;
  shift(): Entry | undefined;
  /** Puts one back where it stood. */
  insert(entry: Entry): void;
  /** Takes out those at the front of any line that are to go. */
  sift(isGoing: (entry: Entry) => boolean, drop: (entry: Entry) => void): void;
  /** Empties it, naming each. */
  clear(drop: (entry: Entry) => void): void;
  readonly paged: Paged;
}

export function priorityBacklog(priorityMax: number, line: () => Backlog): Backlog {
  const lines = Array.from({ length: priorityMax + 1 }, line);
  const ofEntry = (entry: Entry) => lines[Math.min(entry.content.priority, priorityMax)]!;
  const highestFirst = lines.toReversed();
  const fullest = () => highestFirst.find((line) => line.size > 0);
  return {
    get size() {
      return lines.reduce((size, line) => size + line.size, 0);
    },
    front: () => fullest()?.front(),
    push: (entry) => ofEntry(entry).push(entry),
    shift: () => fullest()?.shift(),
    insert: (entry) => ofEntry(entry).insert(entry),
    sift(isGoing, drop) {
      for (const line of highestFirst) line.sift(isGoing, drop);
    },
    clear(drop) {
      for (const line of highestFirst) line.clear(drop);
    },
    get paged() {
      return {
        count: lines.reduce((count, { paged }) => count + paged.count, 0),
        bytes: lines.reduce((bytes, { paged }) => bytes + paged.bytes, 0),
      };
    },
  };
}
