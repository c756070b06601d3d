// How rows look to clients. What belongs to extensions that are not offered is left out.
import { isoSeconds } from "@micronova/kit";
import { isAlive } from "../agents.ts";
import { vifOf } from "../bindings.ts";
import { typeOf } from "../networks.ts";
import type { StandardRow } from "../standard.ts";
import type {
  Network,
  NetworkAgent,
  Port,
  Router,
  SecurityGroup,
  SecurityGroupRule,
  Subnet,
} from "../tables.ts";
import type { Item } from "./listing.ts";

const zones = ["nova"];

function standardView(row: StandardRow): Item {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    project_id: row.project_id,
    tenant_id: row.project_id,
    revision_number: row.revision_number,
    tags: JSON.parse(row.tags),
    created_at: isoSeconds(row.created_at),
    updated_at: isoSeconds(row.updated_at),
  };
}

export function networkView(
  network: Network,
  subnetIds: readonly string[],
  { isAdmin }: { readonly isAdmin: boolean },
): Item {
  return {
    ...standardView(network),
    admin_state_up: network.admin_state_up === 1,
    availability_zone_hints: [],
    availability_zones: subnetIds.length === 0 ? [] : zones,
    dns_domain: network.dns_domain,
    ipv4_address_scope: null,
    ipv6_address_scope: null,
    is_default: network.is_default === 1,
    l2_adjacency: true,
    mtu: network.mtu,
    port_security_enabled: network.port_security_enabled === 1,
    "router:external": network.is_external === 1,
    shared: network.shared === 1,
    status: "ACTIVE",
    subnets: subnetIds,
    ...(isAdmin
      ? {
          "provider:network_type": typeOf(network),
          "provider:physical_network": null,
          "provider:segmentation_id": network.segmentation_id,
        }
      : {}),
  };
}

export function subnetView(subnet: Subnet, network: Pick<Network, "is_external">): Item {
  return {
    ...standardView(subnet),
    network_id: subnet.network_id,
    ip_version: subnet.ip_version,
    cidr: subnet.cidr,
    gateway_ip: subnet.gateway_ip,
    enable_dhcp: subnet.enable_dhcp === 1,
    allocation_pools: JSON.parse(subnet.allocation_pools),
    dns_nameservers: JSON.parse(subnet.dns_nameservers),
    host_routes: JSON.parse(subnet.host_routes),
    ipv6_address_mode: null,
    ipv6_ra_mode: null,
    subnetpool_id: null,
    "router:external": network.is_external === 1,
  };
}

export interface PortParts {
  readonly fixedIps: readonly { readonly subnet_id: string; readonly ip_address: string }[];
  readonly groupIds: readonly string[];
}

export function portView(port: Port, parts: PortParts, { isAdmin }: { readonly isAdmin: boolean }): Item {
  const isBound = port.binding_host !== null;
  const vif = vifOf(port);
  return {
    ...standardView(port),
    network_id: port.network_id,
    admin_state_up: port.admin_state_up === 1,
    mac_address: port.mac_address,
    fixed_ips: parts.fixedIps,
    device_id: port.device_id,
    device_owner: port.device_owner,
    // The host itself answers for the network's own ports.
    status: isBound || port.device_owner.startsWith("network:") ? "ACTIVE" : "DOWN",
    security_groups: parts.groupIds,
    port_security_enabled: port.port_security_enabled === 1,
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    "binding:vnic_type": port.binding_vnic_type,
    ...(isAdmin
      ? {
          "binding:host_id": port.binding_host ?? "",
          "binding:profile": JSON.parse(port.binding_profile),
          "binding:vif_type": vif.type,
          "binding:vif_details": vif.details,
        }
      : {}),
  };
}

export function groupView(group: SecurityGroup, rules: readonly SecurityGroupRule[]): Item {
  return {
    ...standardView(group),
    stateful: group.stateful === 1,
    shared: false,
    security_group_rules: rules.map((rule) => ruleView(rule, group.is_default === 1)),
  };
}

export function ruleView(rule: SecurityGroupRule, isOfDefault: boolean): Item {
  return {
    id: rule.id,
    project_id: rule.project_id,
    tenant_id: rule.project_id,
    security_group_id: rule.security_group_id,
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.port_range_min,
    port_range_max: rule.port_range_max,
    remote_ip_prefix: rule.remote_ip_prefix,
    remote_group_id: rule.remote_group_id,
    remote_address_group_id: null,
    normalized_cidr: rule.remote_ip_prefix,
    belongs_to_default_sg: isOfDefault,
    description: rule.description,
    // Rules never change.
    revision_number: 0,
    created_at: isoSeconds(rule.created_at),
    updated_at: isoSeconds(rule.updated_at),
  };
}

export function routerView(router: Router): Item {
  return {
    ...standardView(router),
    admin_state_up: router.admin_state_up === 1,
    status: "ACTIVE",
    // Its address outside is the host's own, so none of the external network's is taken.
    external_gateway_info:
      router.gateway_network_id === null
        ? null
        : {
            network_id: router.gateway_network_id,
            enable_snat: router.enable_snat === 1,
            external_fixed_ips: [],
          },
    routes: [],
    distributed: false,
    ha: false,
    availability_zone_hints: [],
    availability_zones: zones,
    flavor_id: null,
  };
}

export function agentView(agent: NetworkAgent, at: number): Item {
  const time = (ms: number) => isoSeconds(ms).replace("T", " ").replace("Z", "");
  return {
    id: agent.id,
    agent_type: "Linux bridge agent",
    binary: "micronova-network",
    host: agent.host,
    topic: `network.${agent.host}`,
    availability_zone: null,
    admin_state_up: agent.admin_state_up === 1,
    alive: isAlive(agent, at),
    created_at: time(agent.created_at),
    started_at: time(agent.started_at),
    heartbeat_timestamp: time(agent.heartbeat_at),
    description: agent.tunnel_fault,
    resources_synced: null,
    configurations: {
      driver: agent.driver,
      devices: agent.ports,
      ...tunnelView(agent),
    },
  };
}

/** In the words of Neutron's own agents. */
function tunnelView({ tunnel_address, tunnel_fault }: NetworkAgent): Item {
  const fault = tunnel_fault === null ? {} : { tunnel_fault };
  if (tunnel_address === null) return { tunnel_types: [], ...fault };
  return { tunnel_types: ["vxlan"], tunneling_ip: tunnel_address, l2_population: true, ...fault };
}
