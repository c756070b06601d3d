// Passes hosts of the availability zone asked for, if one is.
import type { Filter } from "../filter.ts";

export const availabilityZoneFilter: Filter = {
  name: "AvailabilityZoneFilter",
  reject(host, { availabilityZone: wanted }) {
    const available = host.availabilityZone;
    if (wanted === null || wanted === available) return null;
    const text = `in availability zone ${available}, ${wanted} wanted`;
    return { text, cause: "in another availability zone", wanted, available, unit: null };
  },
};
