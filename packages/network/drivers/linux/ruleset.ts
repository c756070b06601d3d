// The cloud's two tables of nftables as text. Pure.
//
// `bridge`: what a guest may send under which addresses (anti-spoofing), and what reaches its tap; by tap,
// without state. What each host does for its own guests (DHCP, its own address) does not cross to others.
// `inet`: security groups with connection tracking, address translation, metadata, and what guests and other
// hosts may ask the host. Bridged packets come here through br_netfilter, since many kernels track no
// connections in the bridge family. There a packet is known by bridge and address, which the first table has
// proven to be its port's.
import type { Uuid } from "@micronova/kit";
import type { NetworkSpec, PortSpec } from "../driver.ts";
import { bridgeName, overlayName, tapName } from "./names.ts";
import { vxlanPort } from "./overlay.ts";
import { ruleMatches } from "./rules.ts";

export interface RulesetState {
  readonly networks: readonly NetworkSpec[];
  readonly ports: readonly PortSpec[];
  /** Hosts from which packets of the overlay may come. */
  readonly peers: readonly string[];
}

export interface RulesetOptions {
  readonly table: string;
  /** This host's, in the overlay; null when it takes no part. */
  readonly tunnelAddress: string | null;
  /** Where the worker listens for metadata on each network's own address. */
  readonly metadataPort: number;
}

/** Both tables from nothing, replacing what stands there in one step. */
export function wholeRuleset({ networks, ports, peers }: RulesetState, options: RulesetOptions): string {
  return [
    removedRuleset(options.table),
    bridgeTable(options.table),
    inetTable(options),
    peersAdded(peers, options.table),
    ...networks.map((network) => networkAdded(network, options)),
    ...ports.map((port) => portAdded(port, options.table)),
  ].join("\n");
}

/** Adding before deleting makes the deletion succeed where there is no table. */
export function removedRuleset(table: string): string {
  return ["bridge", "inet"]
    .flatMap((family) => [`add table ${family} ${table}`, `delete table ${family} ${table}`])
    .join("\n");
}

export const networkAdded = (network: NetworkSpec, options: RulesetOptions) =>
  elements("add", networkElements(network, options), options.table);
export const networkRemoved = (network: NetworkSpec, options: RulesetOptions) =>
  elements("delete", networkElements(network, options), options.table);

const peerElements = (peers: readonly string[]): Elements => ({ "inet peers": peers });
export const peersAdded = (peers: readonly string[], table: string) =>
  elements("add", peerElements(peers), table);
export const peersRemoved = (peers: readonly string[], table: string) =>
  elements("delete", peerElements(peers), table);

export function portAdded(port: PortSpec, table: string): string {
  const chains = isFiltered(port)
    ? (["ingress", "egress"] as const).flatMap((direction) => {
        const chain = `${direction}_${port.id.replaceAll("-", "")}`;
        const verdict = direction === "ingress" ? "accept" : "return";
        const matches = ruleMatches(port, direction);
        return [
          `add chain inet ${table} ${chain}`,
          `flush chain inet ${table} ${chain}`,
          ...matches.map((match) => `add rule inet ${table} ${chain} ${match} ${verdict}`),
          `add rule inet ${table} ${chain} drop`,
        ];
      })
    : [];
  return [...chains, elements("add", portElements(port), table)].join("\n");
}

export function portRemoved(port: PortSpec, table: string): string {
  const id = port.id.replaceAll("-", "");
  const chains = isFiltered(port)
    ? [`delete chain inet ${table} ingress_${id}`, `delete chain inet ${table} egress_${id}`]
    : [];
  return [elements("delete", portElements(port), table), ...chains].join("\n");
}

type Elements = Readonly<Record<string, readonly string[]>>;

function networkElements(network: NetworkSpec, { metadataPort }: RulesetOptions): Elements {
  const bridge = `"${bridgeName(network.id)}"`;
  const subnets = network.subnets.filter(({ ip_version }) => ip_version === 4);
  const addresses = subnets.flatMap(({ service_address }) => service_address ?? []);
  const overlay = `"${overlayName(network.id)}"`;
  return {
    "bridge overlays": [overlay],
    "bridge services": addresses.map((address) => `${overlay} . ${address}`),
    "inet bridges": [bridge],
    "inet inside": [network.id, ...network.routed].map((other) => `${bridge} . "${bridgeName(other)}"`),
    "inet services": addresses.map((address) => `${bridge} . ${address}`),
    "inet metadata": addresses.slice(0, 1).map((address) => `${bridge} : ${address} . ${metadataPort}`),
    "inet translated": network.nat ? subnets.map(({ cidr }) => cidr) : [],
  };
}

function portElements(port: PortSpec): Elements {
  if (!isFiltered(port)) return {};
  const tap = `"${tapName(port.id)}"`;
  const bridge = `"${bridgeName(port.network.id)}"`;
  const id = port.id.replaceAll("-", "");
  const addresses = ipv4Addresses(port);
  return {
    "bridge ports": [tap],
    "bridge macs": [`${tap} . ${port.mac_address}`],
    "bridge addresses": addresses.map((address) => `${tap} . ${address}`),
    // 0.0.0.0 is the sender of a probe for a duplicate address.
    "bridge senders": ["0.0.0.0", ...addresses].map((address) => `${tap} . ${port.mac_address} . ${address}`),
    "inet from_port": addresses.map((address) => `${bridge} . ${address} : jump egress_${id}`),
    "inet to_port": addresses.map((address) => `${bridge} . ${address} : jump ingress_${id}`),
  };
}

function elements(verb: "add" | "delete", wanted: Elements, table: string): string {
  return Object.entries(wanted)
    .filter(([, items]) => items.length > 0)
    .map(([name, items]) => {
      const [family, set] = name.split(" ");
      return `${verb} element ${family} ${table} ${set} { ${items.join(", ")} }`;
    })
    .join("\n");
}

const isFiltered = (port: PortSpec) => port.portSecurity;

function ipv4Addresses(port: PortSpec): readonly Uuid[] {
  return port.fixed_ips.map(({ ip_address }) => ip_address).filter((address) => !address.includes(":"));
}

/** Before br_netfilter's own hooks (priority 0), so that only proven packets reach the other table. */
function bridgeTable(table: string): string {
  return `table bridge ${table} {
  set ports { type ifname; }
  set macs { type ifname . ether_addr; }
  set addresses { type ifname . ipv4_addr; }
  set senders { type ifname . ether_addr . ipv4_addr; }
  set overlays { type ifname; }
  set services { type ifname . ipv4_addr; }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname != @ports accept
    iifname . ether saddr != @macs drop
    iifname . arp saddr ether . arp saddr ip @senders accept
    ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
    udp sport 67 drop
    iifname . ip saddr @addresses accept
    drop
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname @overlays jump arriving
    oifname @overlays jump leaving
    oifname != @ports accept
    ether type arp accept
    oifname . ip daddr @addresses accept
    drop
  }
  chain input {
    type filter hook input priority -10; policy accept;
    iifname @overlays jump arriving
  }
  chain output {
    type filter hook output priority -10; policy accept;
    oifname @overlays jump leaving
  }
  chain arriving {
    ip protocol udp udp dport { 67, 68 } drop
    iifname . arp saddr ip @services drop
    iifname . arp daddr ip @services drop
  }
  chain leaving {
    ip protocol udp udp dport { 67, 68 } drop
    oifname . arp saddr ip @services drop
    oifname . arp daddr ip @services drop
  }
}`;
}

/** No guest sends into the overlay's own packets by way of a host's address, nor does a stranger. */
function inetTable({ table, tunnelAddress }: RulesetOptions): string {
  // The kernel's socket takes what comes to any address of the host.
  const strangers = tunnelAddress === null ? "" : `udp dport ${vxlanPort} ip saddr != @peers drop`;
  return `table inet ${table} {
  set bridges { type ifname; }
  set peers { type ipv4_addr; }
  set inside { type ifname . ifname; }
  set services { type ifname . ipv4_addr; }
  set translated { type ipv4_addr; flags interval; }
  map metadata { type ifname : ipv4_addr . inet_service; }
  map from_port { type ifname . ipv4_addr : verdict; }
  map to_port { type ifname . ipv4_addr : verdict; }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    iifname @bridges ip daddr 169.254.169.254 tcp dport 80 dnat ip to iifname map @metadata
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname != @bridges ip saddr @translated masquerade
  }
  chain input {
    type filter hook input priority 0; policy accept;
    ${strangers}
    iifname != @bridges accept
    udp sport 68 udp dport 67 accept
    ct state established,related accept
    ct state invalid drop
    ct status dnat ct original ip daddr 169.254.169.254 accept
    iifname . ip saddr vmap @from_port
    iifname . ip daddr @services meta l4proto { tcp, udp } th dport 53 accept
    iifname . ip daddr @services icmp type echo-request accept
    drop
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname != @bridges oifname != @bridges accept
    ct state established,related accept
    ct state invalid drop
    iifname != @bridges drop
    iifname . ip saddr vmap @from_port
    oifname != @bridges jump leaving
    iifname . oifname != @inside drop
    oifname . ip daddr vmap @to_port
    accept
  }
  chain leaving {
    ip daddr 169.254.0.0/16 drop
    udp dport ${vxlanPort} drop
    ip saddr @translated accept
    drop
  }
  chain output {
    type filter hook output priority 0; policy accept;
    oifname != @bridges accept
    ct state established,related accept
    udp sport 67 udp dport 68 accept
    oifname . ip daddr vmap @to_port
    accept
  }
}`;
}
