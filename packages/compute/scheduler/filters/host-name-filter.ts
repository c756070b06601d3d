// Keeps to the hosts that may be considered at all: the one asked for, and none on which the request failed
// before.
import { type Filter, plainReason } from "../filter.ts";

export const hostNameFilter: Filter = {
  name: "HostNameFilter",
  reject({ host }, { forceHost, requestedHost, ignoreHosts, leavesHost }) {
    const only = forceHost ?? requestedHost;
    if (only !== null && !isSame(host, only)) {
      return plainReason(`only ${only} was asked for`, "not the host asked for");
    }
    if (leavesHost !== undefined && isSame(host, leavesHost))
      return plainReason("the server is there already", "the server's own");
    if (!ignoreHosts.some((ignored) => isSame(host, ignored))) return null;
    return plainReason("left out by the request, which failed here before", "tried before");
  },
};

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
