// What a weigher is. It answers a raw number; `select` brings all weighers to one scale.
import type { HostState } from "./host-state.ts";
import type { RequestSpec } from "./request-spec.ts";

export interface Weigher {
  readonly name: string;
  /**
   * Where the scale begins when it is not the smallest weight among the hosts; what is below counts as this.
   */
  readonly floor?: number;
  weigh(host: HostState, request: RequestSpec): number;
}

/** Brings weights to 0 … 1 over the hosts at hand; all zeros when they are equal. */
export function normalise(raw: readonly number[], floor: number | undefined): readonly number[] {
  let least = floor ?? Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const weight of raw) {
    if (floor === undefined && weight < least) least = weight;
    if (weight > most) most = weight;
  }
  const span = most - least;
  if (!(span > 0)) return raw.map(() => 0);
  return raw.map((weight) => Math.max(0, weight - least) / span);
}
