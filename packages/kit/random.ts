// Chance as a value that is passed in. `systemRandom` is the only source of secrets.
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Uuid } from "./ids.ts";

export interface Random {
  uuid(): Uuid;
  /** An integer from 0 to `below` - 1. */
  int(below: number): number;
  chance(probability: number): boolean;
  shuffle<T>(items: readonly T[]): T[];
  bytes(count: number): Uint8Array;
}

/** Builds the rest of `Random` from a source of integers and bytes. */
function randomFrom(source: Pick<Random, "uuid" | "int" | "bytes">): Random {
  return {
    ...source,
    chance: (probability) => source.int(1_000_000) < probability * 1_000_000,
    shuffle<T>(items: readonly T[]) {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = source.int(last + 1);
        const moved = shuffled[last]!;
        shuffled[last] = shuffled[other]!;
        shuffled[other] = moved;
      }
      return shuffled;
    },
  };
}

export const systemRandom: Random = randomFrom({
  uuid: () => randomUUID(),
  int: (below) => randomInt(below),
  bytes: (count) => new Uint8Array(randomBytes(count)),
});

/** A repeatable `Random`: the same seed gives the same draws. Not for secrets. */
export function seededRandom(seed: number | string): Random {
  const next = mulberry32(typeof seed === "number" ? seed : hash32(seed));
  const int = (below: number) => Math.floor((next() / 4_294_967_296) * below);
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => int(256));
  return randomFrom({ int, bytes, uuid: () => uuidFrom(bytes(16)) });
}

/**
 * Mulberry32, a 32-bit generator by Tommy Ettinger (public domain): small, fast, good enough for tests and
 * tie-breaks.
 */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** FNV-1a over UTF-16 code units: turns an id into a seed. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

function uuidFrom(bytes: Uint8Array): Uuid {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
