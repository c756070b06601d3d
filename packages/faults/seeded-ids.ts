// Ids drawn from the seed. The nth request of a kind always gets the same one, however many of other kinds
// come between, and what it makes gets ids that follow from its own: so two runs of a script are alike, down
// to which host is chosen, and their logs can be laid over each other.
import { createHash } from "node:crypto";
import type { Random, Uuid } from "@micronova/kit";
import { caller } from "./callers.ts";

// Kinds are few; whoever invents paths shares the last of them.
const kindsMax = 10_000;

export class SeededIds {
  readonly #seed: string;
  readonly #counts = new Map<string, number>();

  /** `life` tells apart the lives of a cloud that keeps its tables. */
  constructor(seed: string, life: string) {
    this.#seed = `${seed} ${life}`;
  }

  /** Of the next request of a kind. */
  next(kind: string): Uuid {
    const known = this.#counts.has(kind) || this.#counts.size < kindsMax ? kind : "other";
    const count = (this.#counts.get(known) ?? 0) + 1;
    this.#counts.set(known, count);
    return uuidOf(`${this.#seed} ${known} ${count}`);
  }

  /** What draws the ids that one request needs. */
  within(requestId: string): () => Uuid {
    let count = 0;
    return () => uuidOf(`${this.#seed} ${requestId} ${++count}`);
  }
}

/** Chance whose ids are the request's own, where there is one. */
export function seededIds(random: Random): Random {
  return { ...random, uuid: () => caller().draw?.() ?? random.uuid() };
}

/** Long enough a digest that no two of a cloud's are alike. */
function uuidOf(text: string): Uuid {
  const hex = createHash("sha256").update(text).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [...parts, hex.slice(20, 32)].join("-");
}

const idPattern = /(?<=\/)(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/gi;

/** A path without the ids in it, which differ from run to run. */
export function shapeOf(path: string): string {
  return path.replace(idPattern, ":id");
}
