// The ranges of a subnet from which addresses are given.
import {
  contains,
  formatIpv4,
  formatPrefix,
  hostRange,
  type Ipv4Prefix,
  type Ipv4Range,
  overlaps,
  parseIpv4,
  without,
} from "./addresses/ipv4.ts";
import { errors } from "./errors.ts";
import type { Subnet } from "./tables.ts";

export interface Pool {
  readonly start: string;
  readonly end: string;
}

export function checkGateway(gateway: string | null, prefix: Ipv4Range): void {
  if (gateway === null) return;
  const address = parseIpv4(gateway);
  if (address === null) {
    throw errors.badRequest(`Invalid input for gateway_ip. Reason: '${gateway}' is not a valid IP address.`);
  }
  if (!contains(prefix, address) || address === prefix.first || address === prefix.last) {
    throw errors.invalidInput("Gateway is not valid on subnet");
  }
}

/** All hosts but the gateway, unless pools are given, which then must be good. */
export function poolsOf(
  given: readonly Pool[] | null,
  prefix: Ipv4Prefix,
  gateway: string | null,
): readonly Pool[] {
  const hosts = hostRange(prefix);
  const gatewayAddress = gateway === null ? null : parseIpv4(gateway);
  if (given === null) return without(hosts, gatewayAddress).map(formatRange);
  const ranges = given.map(rangeOf);
  ranges.forEach((range, at) => {
    if (!contains(hosts, range.first) || !contains(hosts, range.last)) {
      throw errors.poolOutOfBounds(describePool(given[at]!), formatPrefix(prefix));
    }
    if (gatewayAddress !== null && contains(range, gatewayAddress)) {
      throw errors.gatewayInPool(describePool(given[at]!), gateway!);
    }
    const other = ranges.findIndex((one, before) => before < at && overlaps(one, range));
    if (other >= 0) {
      throw errors.poolsOverlap(describePool(given[other]!), describePool(given[at]!), formatPrefix(prefix));
    }
  });
  return ranges.map(formatRange);
}

const formatRange = ({ first, last }: Ipv4Range): Pool => ({
  start: formatIpv4(first),
  end: formatIpv4(last),
});
const describePool = ({ start, end }: Pool) => `${start}-${end}`;

function rangeOf(pool: Pool): Ipv4Range {
  const [first, last] = [parseIpv4(pool.start), parseIpv4(pool.end)];
  if (first === null || last === null || first > last) throw errors.badPool(describePool(pool));
  return { first, last };
}

export function poolRanges(subnet: Pick<Subnet, "allocation_pools">): readonly Ipv4Range[] {
  // Written as JSON of pools by this file alone.
  return (JSON.parse(subnet.allocation_pools) as Pool[]).map(rangeOf);
}
