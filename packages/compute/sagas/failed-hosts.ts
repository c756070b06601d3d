// Which hosts a saga need not try again.
import type { PastFailure } from "@micronova/saga";
import type { Place } from "../server-state.ts";

/** Hosts on which an earlier attempt failed after they were claimed. */
export function failedHosts(failures: readonly PastFailure[]): string[] {
  const hosts = failures.flatMap(({ outputs }) => {
    // The output of the claim is a `Place`.
    const claimed = outputs["claim"] as Place | undefined;
    return claimed === undefined ? [] : [claimed.host];
  });
  return [...new Set(hosts)];
}
