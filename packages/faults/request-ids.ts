// Request ids drawn from the seed: the nth request of a kind always gets the same one, however many of other
// kinds come between, so that logs of two runs can be laid over each other.
import { createHash } from "node:crypto";
import type { Uuid } from "@micronova/kit";

// Kinds are few; whoever invents paths shares the last of them.
const kindsMax = 10_000;

export class RequestIds {
  readonly #seed: string;
  readonly #counts = new Map<string, number>();

  /** `start` tells apart the lives of a cloud that keeps its tables. */
  constructor(seed: string, start: number) {
    this.#seed = `${seed} ${start}`;
  }

  next(kind: string): Uuid {
    const known = this.#counts.has(kind) || this.#counts.size < kindsMax ? kind : "other";
    const count = (this.#counts.get(known) ?? 0) + 1;
    this.#counts.set(known, count);
    const hex = createHash("sha256").update(`${this.#seed} ${known} ${count}`).digest("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }
}

const idPattern = /(?<=\/)(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/gi;

/** A path without the ids in it, which differ from run to run. */
export function shapeOf(path: string): string {
  return path.replace(idPattern, ":id");
}
