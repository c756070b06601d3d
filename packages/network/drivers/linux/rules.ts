// A security group's rules as matches of nftables. Pure.
import type { PortSpec, SecurityRule } from "../driver.ts";

/** Names that Neutron's API takes for IP protocols, and their numbers. */
const protocolNumbers: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  ipip: 4,
  "ipv6-encap": 41,
  "ipv6-frag": 44,
  "ipv6-icmp": 58,
  "ipv6-nonxt": 59,
  "ipv6-opts": 60,
  "ipv6-route": 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
};
const icmp = 1;
const anyAddress = /\/0$/;

/**
 * The matches of a port's rules in one direction. IPv6 has none: a port without IPv6 addresses sends and gets
 * none.
 */
export function ruleMatches(port: PortSpec, direction: SecurityRule["direction"]): readonly string[] {
  const matches = port.rules
    .filter((rule) => rule.direction === direction && rule.ethertype === "IPv4")
    .flatMap((rule) => ruleMatch(rule) ?? []);
  return [...new Set(matches)];
}

/** Null when the rule can match nothing, such as one of a group without members. */
function ruleMatch(rule: SecurityRule): string | null {
  const remote = remoteMatch(rule);
  if (remote === null) return null;
  return ["meta nfproto ipv4", remote, protocolMatch(rule)].filter((part) => part !== "").join(" ");
}

function remoteMatch({ direction, remote_ip_prefix, remoteAddresses }: SecurityRule): string | null {
  const field = direction === "ingress" ? "ip saddr" : "ip daddr";
  if (remoteAddresses !== null) {
    const addresses = remoteAddresses.filter((address) => !address.includes(":"));
    return addresses.length === 0 ? null : `${field} { ${[...new Set(addresses)].sort().join(", ")} }`;
  }
  if (remote_ip_prefix === null || anyAddress.test(remote_ip_prefix)) return "";
  return `${field} ${remote_ip_prefix}`;
}

function protocolMatch({ protocol, port_range_min: min, port_range_max: max }: SecurityRule): string {
  if (protocol === null) return "";
  const number = protocolNumbers[protocol] ?? Number(protocol);
  if (number === icmp && min !== null) {
    return `icmp type ${min}${max === null ? "" : ` icmp code ${max}`}`;
  }
  const ports =
    min === null || number === icmp ? "" : ` th dport ${min === max ? min : `${min}-${max ?? min}`}`;
  return `meta l4proto ${number}${ports}`;
}
