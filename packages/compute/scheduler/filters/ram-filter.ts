// Passes hosts with enough free memory for the flavor, counting the operator's overcommit.
import { type Filter, shortage } from "../filter.ts";
import { roomFor } from "../host-state.ts";

export const ramFilter: Filter = {
  name: "RamFilter",
  reject(host, { flavor }) {
    const { memoryMb: total, memoryReservedMb: reserved, ramRatio: ratio, memoryUsedMb: used } = host;
    const available = roomFor({ total, reserved, ratio, used });
    if (flavor.memoryMb <= available) return null;
    return shortage("memory", { wanted: flavor.memoryMb, available, unit: "MB" });
  },
};
