// The order as data: filters cheapest and most telling first, weighers with Nova's multipliers.
import { availabilityZoneFilter } from "./filters/availability-zone-filter.ts";
import { computeStatusFilter } from "./filters/compute-status-filter.ts";
import { coreFilter } from "./filters/core-filter.ts";
import { diskFilter } from "./filters/disk-filter.ts";
import { hostNameFilter } from "./filters/host-name-filter.ts";
import { hypervisorFilter } from "./filters/hypervisor-filter.ts";
import { imagePropertiesFilter } from "./filters/image-properties-filter.ts";
import { ramFilter } from "./filters/ram-filter.ts";
import type { Policy } from "./policy.ts";
import { cpuWeigher } from "./weighers/cpu-weigher.ts";
import { diskWeigher } from "./weighers/disk-weigher.ts";
import { ioOpsWeigher } from "./weighers/io-ops-weigher.ts";
import { loadWeigher } from "./weighers/load-weigher.ts";
import { ramWeigher } from "./weighers/ram-weigher.ts";

export const defaultPolicy: Policy = {
  filters: [
    hostNameFilter,
    computeStatusFilter,
    availabilityZoneFilter,
    imagePropertiesFilter,
    hypervisorFilter,
    ramFilter,
    coreFilter,
    diskFilter,
  ],
  weighers: [
    { weigher: ramWeigher, multiplier: 1 },
    { weigher: cpuWeigher, multiplier: 1 },
    { weigher: diskWeigher, multiplier: 1 },
    { weigher: ioOpsWeigher, multiplier: -1 },
    { weigher: loadWeigher, multiplier: -1 },
  ],
  hostSubsetSize: 1,
};
