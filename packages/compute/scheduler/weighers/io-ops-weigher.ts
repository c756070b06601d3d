// How many servers are being built, moved or snapshotted on a host; used with a negative multiplier.
import type { Weigher } from "../weigher.ts";

export const ioOpsWeigher: Weigher = {
  name: "IoOpsWeigher",
  floor: 0,
  weigh: ({ ioOpsCount }) => ioOpsCount,
};
