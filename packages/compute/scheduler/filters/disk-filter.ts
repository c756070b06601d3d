// Passes hosts with enough free disk for the flavor's own disks; volumes do not count.
import { type Filter, shortage } from "../filter.ts";
import { roomFor } from "../host-state.ts";

export const diskFilter: Filter = {
  name: "DiskFilter",
  reject({ diskGb: total, diskReservedGb: reserved, diskRatio: ratio, diskUsedGb: used }, { flavor }) {
    const available = roomFor({ total, reserved, ratio, used });
    if (flavor.diskGb <= available) return null;
    return shortage("disk", { wanted: flavor.diskGb, available, unit: "GB" });
  },
};
