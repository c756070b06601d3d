// Rows of the tables of networks. Times are milliseconds, booleans 0 or 1; columns whose comment says JSON
// hold JSON as text. A deleted thing's row is gone.
import type { Millis, Uuid } from "@micronova/kit";

/** What Neutron calls standard attributes. */
interface Standard {
  id: Uuid;
  project_id: string;
  name: string;
  description: string;
  revision_number: number;
  /** JSON list of strings. */
  tags: string;
  created_at: Millis;
  updated_at: Millis;
}

export interface NetworkTable extends Standard {
  admin_state_up: number;
  shared: number;
  is_external: number;
  is_default: number;
  mtu: number;
  /** Its VXLAN network identifier; null when each host is alone with its part of it. */
  segmentation_id: number | null;
  port_security_enabled: number;
  dns_domain: string;
}

export interface SubnetTable extends Standard {
  network_id: Uuid;
  ip_version: number;
  cidr: string;
  /** The prefix's first and last address as numbers, for finding overlaps. */
  first_address: number;
  last_address: number;
  gateway_ip: string | null;
  enable_dhcp: number;
  /** JSON list of `{start, end}`. */
  allocation_pools: string;
  /** JSON list of addresses. */
  dns_nameservers: string;
  /** JSON list of `{destination, nexthop}`. */
  host_routes: string;
}

export interface PortTable extends Standard {
  network_id: Uuid;
  admin_state_up: number;
  mac_address: string;
  device_id: string;
  device_owner: string;
  port_security_enabled: number;
  /** Null until a host is chosen. */
  binding_host: string | null;
  /** JSON object, as it was given. */
  binding_profile: string;
  binding_vnic_type: string;
  /** Null for a tap on a bridge. */
  vif_type: string | null;
  /** JSON object; null with `vif_type`. */
  vif_details: string | null;
  /** What DHCP and DNS call the guest. */
  hostname: string;
}

export interface IpAllocationTable {
  port_id: Uuid;
  network_id: Uuid;
  subnet_id: Uuid;
  ip_address: string;
  /** The same as a number. */
  address: number;
  /** Their order on the port. */
  position: number;
}

export interface SecurityGroupTable extends Standard {
  stateful: number;
  is_default: number;
}

export interface SecurityGroupRuleTable {
  id: Uuid;
  project_id: string;
  security_group_id: Uuid;
  direction: "ingress" | "egress";
  ethertype: "IPv4" | "IPv6";
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: Uuid | null;
  description: string;
  created_at: Millis;
  updated_at: Millis;
}

export interface PortSecurityGroupTable {
  port_id: Uuid;
  security_group_id: Uuid;
}

export interface RouterTable extends Standard {
  admin_state_up: number;
  /** The external network behind which it translates addresses; null when it has no gateway. */
  gateway_network_id: Uuid | null;
  enable_snat: number;
}

export interface NetworkQuotaTable {
  project_id: string;
  resource: string;
  quota_limit: number;
}

/** A network worker, as it reported itself. */
export interface NetworkAgentTable {
  id: Uuid;
  host: string;
  driver: string;
  /** Whether its driver enforces security groups, and so must hear of their changes. */
  filtering: number;
  admin_state_up: number;
  ports: number;
  /**
   * Raised with every change that its ports' rules may depend on; what it has been told is `rules_applied`.
   */
  rules_wanted: number;
  rules_applied: number;
  /** Where other hosts send frames of networks that span hosts; null when it takes no part in them. */
  tunnel_address: string | null;
  /** Why it takes no part, where it was asked to. */
  tunnel_fault: string | null;
  created_at: Millis;
  started_at: Millis;
  heartbeat_at: Millis;
}

export type Network = Readonly<NetworkTable>;
export type Subnet = Readonly<SubnetTable>;
export type Port = Readonly<PortTable>;
export type IpAllocation = Readonly<IpAllocationTable>;
export type SecurityGroup = Readonly<SecurityGroupTable>;
export type SecurityGroupRule = Readonly<SecurityGroupRuleTable>;
export type Router = Readonly<RouterTable>;
export type NetworkAgent = Readonly<NetworkAgentTable>;

declare module "@micronova/store" {
  interface Tables {
    networks: NetworkTable;
    subnets: SubnetTable;
    ports: PortTable;
    ip_allocations: IpAllocationTable;
    security_groups: SecurityGroupTable;
    security_group_rules: SecurityGroupRuleTable;
    port_security_groups: PortSecurityGroupTable;
    routers: RouterTable;
    network_quotas: NetworkQuotaTable;
    network_agents: NetworkAgentTable;
  }
}
