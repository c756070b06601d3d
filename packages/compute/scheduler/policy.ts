// A policy: which filters in which order, and what each weigher counts for.
import type { Filter } from "./filter.ts";
import type { Weigher } from "./weigher.ts";

export interface Policy {
  readonly filters: readonly Filter[];
  readonly weighers: readonly { readonly weigher: Weigher; readonly multiplier: number }[];
  /** The winner is drawn from so many of the best; 1 takes the best. */
  readonly hostSubsetSize: number;
}
