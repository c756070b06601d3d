// What waits in a queue, in order; with priorities one line for each of them, the highest first.
import type { Millis } from "@micronova/kit";
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
  /** When the first of those at the front of a line expires; infinity for never. */
  readonly nextExpiry: Millis;
}

export function priorityBacklog(priorityMax: number, line: () => Backlog): Backlog {
  const lines = Array.from({ length: priorityMax + 1 }, line);
  const ofEntry = (entry: Entry) => lines[Math.min(entry.content.priority, priorityMax)]!;
  const highestFirst = lines.toReversed();
  const fullest = () => highestFirst.find((line) => line.size > 0);
  let size = 0;
  const left = (drop: (entry: Entry) => void) => (entry: Entry) => {
    size--;
    drop(entry);
  };
  return {
    get size() {
      return size;
    },
    front: () => fullest()?.front(),
    push(entry) {
      size++;
      ofEntry(entry).push(entry);
    },
    shift() {
      if (size > 0) size--;
      return fullest()?.shift();
    },
    insert(entry) {
      size++;
      ofEntry(entry).insert(entry);
    },
    sift(isGoing, drop) {
      for (const line of highestFirst) line.sift(isGoing, left(drop));
    },
    clear(drop) {
      for (const line of highestFirst) line.clear(left(drop));
    },
    get nextExpiry() {
      return Math.min(...highestFirst.map((line) => line.nextExpiry));
    },
    get paged() {
      return {
        count: lines.reduce((count, { paged }) => count + paged.count, 0),
        bytes: lines.reduce((bytes, { paged }) => bytes + paged.bytes, 0),
      };
    },
  };
}
