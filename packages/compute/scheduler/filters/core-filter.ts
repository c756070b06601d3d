// Passes hosts with enough free VCPUs for the flavor, counting the operator's overcommit.
import { type Filter, shortage } from "../filter.ts";
import { roomFor } from "../host-state.ts";

export const coreFilter: Filter = {
  name: "CoreFilter",
  reject({ vcpus: total, cpuRatio: ratio, vcpusUsed: used }, { flavor }) {
    const available = roomFor({ total, reserved: 0, ratio, used });
    if (flavor.vcpus <= available) return null;
    const { text: _, ...amounts } = shortage("VCPUs", { wanted: flavor.vcpus, available, unit: "VCPUs" });
    return { text: `${available} VCPUs free, ${flavor.vcpus} wanted`, ...amounts };
  },
};
