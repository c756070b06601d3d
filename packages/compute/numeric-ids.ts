// Numbers for what has UUIDs: before 2.53 the API showed services, hypervisors and key pairs by number. The
// number is made from the UUID, so that nothing has to be kept; of a thousand hosts, two share one in a case
// out of four thousand.
import type { Uuid } from "@micronova/kit";

/** A positive number of 31 bits, the same each time. */
export function numberOf(id: Uuid): number {
  return Number.parseInt(id.replaceAll("-", "").slice(0, 8), 16) & 0x7fff_ffff || 1;
}
