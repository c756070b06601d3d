// Says why no host fits, in one sentence that a user can act on: hosts counted by cause, with what was needed
// and the best that there is. It names no host, since projects do not know hosts.
import type { Reason } from "./filter.ts";
import type { Selection } from "./select.ts";

// Clients and tools look for these words.
const opening = "No valid host was found.";

/** `No valid host was found. 12 hosts: 10 short of memory, need 999999 MB, best has 3512 MB; 2 disabled.` */
export function refusal(selection: Pick<Selection, "rejections">): string {
  return `${opening} ${refusalReason(selection)}`;
}

/** The same without its opening words. */
export function refusalReason({ rejections }: Pick<Selection, "rejections">): string {
  if (rejections.size === 0) return "There are no hosts.";
  const causes = Map.groupBy(
    [...rejections.values()].map(({ reason }) => reason),
    ({ cause }) => cause,
  );
  // The commonest cause first; by name among equals, so that the sentence does not change from one try to the
  // next.
  const groups = [...causes].sort(
    ([one, ones], [other, others]) => others.length - ones.length || (one < other ? -1 : 1),
  );
  const hosts = rejections.size === 1 ? "1 host" : `${rejections.size} hosts`;
  return `${hosts}: ${groups.map(([cause, reasons]) => clause(cause, reasons)).join("; ")}.`;
}

function clause(cause: string, reasons: readonly Reason[]): string {
  const [{ wanted, unit }] = reasons as readonly [Reason, ...Reason[]];
  const counted = `${reasons.length} ${cause}`;
  if (wanted === null) return counted;
  const amount = (value: number | string) => (unit === null ? `${value}` : `${value} ${unit}`);
  const available = reasons.map((reason) => reason.available).filter((value) => typeof value === "number");
  if (available.length === 0) return `${counted}, need ${amount(wanted)}`;
  return `${counted}, need ${amount(wanted)}, best has ${amount(Math.max(...available))}`;
}
