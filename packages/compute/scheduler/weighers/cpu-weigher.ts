// Prefers hosts with more free VCPUs, counting the operator's overcommit.
import type { Weigher } from "../weigher.ts";

export const cpuWeigher: Weigher = {
  name: "CPUWeigher",
  floor: 0,
  weigh: ({ vcpus, cpuRatio, vcpusUsed }) => vcpus * cpuRatio - vcpusUsed,
};
