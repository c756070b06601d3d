// What a host must do for networking. `plug` carries all that a port needs, so that it makes its network on
// the way.
import type { Uuid } from "@micronova/kit";

export interface SubnetSpec {
  readonly id: Uuid;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
  readonly gateway_ip: string | null;
  /**
   * The host's own address on the network, where DHCP, names and metadata answer; the gateway's where there
   * is one.
   */
  readonly service_address: string | null;
  readonly enable_dhcp: boolean;
  readonly dns_nameservers: readonly string[];
  readonly host_routes: readonly { readonly destination: string; readonly nexthop: string }[];
}

export interface NetworkSpec {
  readonly id: Uuid;
  readonly mtu: number;
  /** The number its frames carry between hosts; null where each host is alone with its part of it. */
  readonly segmentationId: number | null;
  readonly dnsDomain: string;
  /** Whether guests reach the outside, behind the host's address. */
  readonly nat: boolean;
  /** Other networks its guests reach through a router. */
  readonly routed: readonly Uuid[];
  readonly subnets: readonly SubnetSpec[];
}

export interface SecurityRule {
  readonly direction: "ingress" | "egress";
  readonly ethertype: "IPv4" | "IPv6";
  /** `tcp`, `udp`, `icmp`, a number as text, or null for any. */
  readonly protocol: string | null;
  readonly port_range_min: number | null;
  readonly port_range_max: number | null;
  readonly remote_ip_prefix: string | null;
  /** Addresses of the remote group's members, when the rule names a group. */
  readonly remoteAddresses: readonly string[] | null;
}

export interface PortSpec {
  readonly id: Uuid;
  readonly serverId: Uuid | null;
  readonly mac_address: string;
  readonly fixed_ips: readonly { readonly subnet_id: Uuid; readonly ip_address: string }[];
  readonly hostname: string;
  readonly network: NetworkSpec;
  readonly portSecurity: boolean;
  readonly rules: readonly SecurityRule[];
}

/** How a guest's network card is connected on the host. */
export type Plug =
  | { readonly kind: "tap"; readonly name: string; readonly bridge: string }
  /** QEMU's user networking: guest port 22 is reached at 127.0.0.1:`sshPort`. */
  | { readonly kind: "user"; readonly sshPort: number; readonly cidr: string; readonly address: string }
  | { readonly kind: "none" };

/** A port on another host, of a network that this host has too. */
export interface RemotePort {
  readonly id: Uuid;
  readonly networkId: Uuid;
  readonly mac_address: string;
  readonly addresses: readonly string[];
  /** Its host's. */
  readonly tunnelAddress: string;
}

/** The whole wanted state of a host. */
export interface HostNetwork {
  readonly ports: readonly PortSpec[];
  /** Networks without a port here which those of the ports reach through a router. */
  readonly routed: readonly NetworkSpec[];
  readonly remotes: readonly RemotePort[];
}

/** How a host takes part in networks that span hosts. */
export interface Tunnel {
  /** Where other hosts send this host's frames; null when it takes no part. */
  readonly address: string | null;
  /** Why not, where it was asked to. */
  readonly fault: string | null;
}

export const noTunnel: Tunnel = { address: null, fault: null };

/**
 * Where guests of one network ask for metadata: packets to 169.254.169.254:80 arrive at this address of the
 * host.
 */
export interface MetadataEndpoint {
  readonly networkId: Uuid;
  readonly address: string;
  readonly port: number;
}

/**
 * For the listener of each network. The source address of what arrives is the port's own: the driver sees to
 * it.
 */
export interface MetadataDoor {
  /** Hands over the endpoints of this host now and at every change; the answer ends it. */
  watch(listener: (endpoints: readonly MetadataEndpoint[]) => void): () => void;
}

export interface NetworkDriver {
  readonly name: string;
  /** Null where guests cannot ask over the network; they have the config drive. */
  readonly metadata: MetadataDoor | null;
  start(): Promise<void>;
  /** Lets go of what the process holds; guests keep their network. */
  stop(): Promise<void>;
  /** Removes every bridge, tap, namespace, rule and process the driver made on the host. */
  dispose(): Promise<void>;
  /** Makes the host equal to `wanted`: plugs what is missing, refreshes rules, removes what is not wanted. */
  apply(wanted: HostNetwork): Promise<void>;
  /**
   * Brings those of the ports up to date that are plugged here at this moment, and the ways to other hosts;
   * plugs none.
   */
  refresh(wanted: HostNetwork): Promise<void>;
  /** Idempotent; makes the port's network when it is the first. Ports keep their tap across calls. */
  plug(port: PortSpec): Promise<Plug>;
  /** Absent is success; removes the network's own pieces with its last port. */
  unplug(portId: Uuid): Promise<void>;
  /** Ports plugged on this host; the reconcilers' eye. */
  list(): Promise<readonly Uuid[]>;
  /** Known once it has started. */
  tunnel(): Promise<Tunnel>;
}
