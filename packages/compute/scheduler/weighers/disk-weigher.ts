// Prefers hosts with more free disk: what is not promised, or what is really left where that is less.
import type { Weigher } from "../weigher.ts";

export const diskWeigher: Weigher = {
  name: "DiskWeigher",
  floor: 0,
  weigh({ diskGb, diskReservedGb, diskUsedGb, load }) {
    const unpromised = diskGb - diskReservedGb - diskUsedGb;
    return load === null ? unpromised : Math.min(unpromised, load.freeDiskGb);
  },
};
