// How busy a host's CPUs are; used with a negative multiplier. A host that has not said counts as idle.
import type { Weigher } from "../weigher.ts";

export const loadWeigher: Weigher = {
  name: "LoadWeigher",
  floor: 0,
  weigh: ({ load }) => load?.cpu ?? 0,
};
