// Prefers hosts with more free memory.
import type { Weigher } from "../weigher.ts";

export const ramWeigher: Weigher = {
  name: "RAMWeigher",
  floor: 0,
  weigh: ({ memoryMb, memoryReservedMb, memoryUsedMb }) => memoryMb - memoryReservedMb - memoryUsedMb,
};
