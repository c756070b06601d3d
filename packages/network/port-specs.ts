// What a host must know to plug ports, gathered in one query a table however many ports there are.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type {
  HostNetwork,
  NetworkSpec,
  PortSpec,
  RemotePort,
  SecurityRule,
  SubnetSpec,
} from "./drivers/driver.ts";
import { errors } from "./errors.ts";
import { routedNetworks } from "./routing.ts";
import { serviceAddresses } from "./service-ports.ts";
import type { Network, Port, SecurityGroupRule, Subnet } from "./tables.ts";

export async function portSpec(tx: Tx, id: Uuid): Promise<PortSpec> {
  const [spec] = await portSpecs(tx, [id]);
  if (spec === undefined) throw errors.portNotFound(id);
  return spec;
}

/** In the order asked; ports that are gone are left out. */
export async function portSpecs(tx: Tx, ids: readonly Uuid[]): Promise<readonly PortSpec[]> {
  if (ids.length === 0) return [];
  const rows = await tx.selectFrom("ports").selectAll().where("id", "in", ids).execute();
  const byId = new Map((await specsOf(tx, rows)).map((spec) => [spec.id, spec]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** All that a host should have. */
export async function hostNetwork(tx: Tx, host: string): Promise<HostNetwork> {
  const rows = await tx
    .selectFrom("ports")
    .selectAll()
    .where("binding_host", "=", host)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const ports = await specsOf(tx, rows);
  const own = new Map(ports.map(({ network }) => [network.id, network]));
  const behind = new Set([...own.values()].flatMap(({ routed }) => routed));
  const routed = await networkSpecs(tx, [...behind].filter((id) => !own.has(id)).sort());
  const networks = [...own.values(), ...routed.values()];
  return { ports, routed: [...routed.values()], remotes: await remotePorts(tx, host, networks) };
}

/** Where the networks' other ports are, as far as this host and theirs can reach each other. */
async function remotePorts(
  tx: Tx,
  host: string,
  networks: readonly NetworkSpec[],
): Promise<readonly RemotePort[]> {
  const spanning = networks.filter(({ segmentationId }) => segmentationId !== null).map(({ id }) => id);
  if (spanning.length === 0) return [];
  const agent = await tx
    .selectFrom("network_agents")
    .select("tunnel_address")
    .where("host", "=", host)
    .executeTakeFirst();
  if ((agent?.tunnel_address ?? null) === null) return [];
  const rows = await tx
    .selectFrom("ports")
    .innerJoin("network_agents", "network_agents.host", "ports.binding_host")
    .select(["ports.id", "ports.network_id", "ports.mac_address", "network_agents.tunnel_address"])
    .where("ports.network_id", "in", spanning)
    .where("ports.binding_host", "!=", host)
    .where("network_agents.tunnel_address", "is not", null)
    .orderBy("ports.id")
    .execute();
  const addresses = await addressesOf(
    tx,
    rows.map(({ id }) => id),
  );
  return rows.map(({ id, network_id, mac_address, tunnel_address }) => ({
    id,
    networkId: network_id,
    mac_address,
    addresses: (addresses.get(id) ?? []).map(({ ip_address }) => ip_address),
    tunnelAddress: tunnel_address!,
  }));
}

async function addressesOf(tx: Tx, portIds: readonly Uuid[]) {
  if (portIds.length === 0) return new Map<Uuid, never>();
  const rows = await tx
    .selectFrom("ip_allocations")
    .select(["port_id", "subnet_id", "ip_address"])
    .where("port_id", "in", portIds)
    .orderBy("position")
    .execute();
  return Map.groupBy(rows, ({ port_id }) => port_id);
}

async function specsOf(tx: Tx, ports: readonly Port[]): Promise<readonly PortSpec[]> {
  if (ports.length === 0) return [];
  const ids = ports.map(({ id }) => id);
  const networks = await networkSpecs(tx, [...new Set(ports.map(({ network_id }) => network_id))]);
  const fixedIps = await addressesOf(tx, ids);
  const rules = await rulesOf(tx, ports);
  return ports.map((port) => ({
    id: port.id,
    serverId: port.device_owner.startsWith("compute:") ? port.device_id : null,
    mac_address: port.mac_address,
    fixed_ips: (fixedIps.get(port.id) ?? []).map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    hostname: port.hostname,
    network: networks.get(port.network_id)!,
    portSecurity: port.port_security_enabled === 1,
    rules: rules.get(port.id) ?? [],
  }));
}

async function networkSpecs(tx: Tx, ids: readonly Uuid[]): Promise<ReadonlyMap<Uuid, NetworkSpec>> {
  if (ids.length === 0) return new Map();
  const networks = await tx.selectFrom("networks").selectAll().where("id", "in", ids).orderBy("id").execute();
  const subnets = await tx
    .selectFrom("subnets")
    .selectAll()
    .where("network_id", "in", ids)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const services = await serviceAddresses(
    tx,
    subnets.filter(({ gateway_ip }) => gateway_ip === null).map(({ id }) => id),
  );
  const routing = await routedNetworks(tx, ids);
  return new Map(
    networks.map((network) => {
      const own = subnets.filter((subnet) => subnet.network_id === network.id);
      const { nat, routed } = routing.get(network.id)!;
      return [
        network.id,
        networkSpec(
          network,
          own.map((subnet) => subnetSpec(subnet, services)),
          { nat, routed },
        ),
      ];
    }),
  );
}

function networkSpec(
  network: Network,
  subnets: readonly SubnetSpec[],
  routing: Pick<NetworkSpec, "nat" | "routed">,
): NetworkSpec {
  const { id, mtu, segmentation_id: segmentationId, dns_domain: dnsDomain } = network;
  return { id, mtu, segmentationId, dnsDomain, subnets, ...routing };
}

function subnetSpec(subnet: Subnet, services: ReadonlyMap<Uuid, string>): SubnetSpec {
  return {
    id: subnet.id,
    // The column holds nothing else.
    ip_version: subnet.ip_version as 4 | 6,
    cidr: subnet.cidr,
    gateway_ip: subnet.gateway_ip,
    service_address: subnet.gateway_ip ?? services.get(subnet.id) ?? null,
    enable_dhcp: subnet.enable_dhcp === 1,
    // Both are written as JSON of these types by this package alone.
    dns_nameservers: JSON.parse(subnet.dns_nameservers) as string[],
    host_routes: JSON.parse(subnet.host_routes) as SubnetSpec["host_routes"],
  };
}

/** Port id → its rules. Hosts that enforce none are spared them: a default group's members are many. */
async function rulesOf(tx: Tx, ports: readonly Port[]): Promise<ReadonlyMap<Uuid, readonly SecurityRule[]>> {
  const deaf = await tx.selectFrom("network_agents").select("host").where("filtering", "=", 0).execute();
  const deafHosts = new Set(deaf.map(({ host }) => host));
  const filtered = ports.filter(({ binding_host }) => binding_host === null || !deafHosts.has(binding_host));
  if (filtered.length === 0) return new Map();
  const memberships = await tx
    .selectFrom("port_security_groups")
    .selectAll()
    .where(
      "port_id",
      "in",
      filtered.map(({ id }) => id),
    )
    .execute();
  const groupIds = [...new Set(memberships.map(({ security_group_id }) => security_group_id))];
  if (groupIds.length === 0) return new Map();
  const rows = await tx
    .selectFrom("security_group_rules")
    .selectAll()
    .where("security_group_id", "in", groupIds)
    .orderBy("id")
    .execute();
  const members = await memberAddresses(tx, rows);
  const byGroup = Map.groupBy(rows, ({ security_group_id }) => security_group_id);
  const byPort = Map.groupBy(memberships, ({ port_id }) => port_id);
  return new Map(
    [...byPort].map(([portId, groups]) => [
      portId,
      groups.flatMap(({ security_group_id }) =>
        (byGroup.get(security_group_id) ?? []).map((rule) => securityRule(rule, members)),
      ),
    ]),
  );
}

async function memberAddresses(
  tx: Tx,
  rules: readonly SecurityGroupRule[],
): Promise<ReadonlyMap<Uuid, readonly string[]>> {
  const groupIds = [...new Set(rules.flatMap(({ remote_group_id }) => remote_group_id ?? []))];
  if (groupIds.length === 0) return new Map();
  const rows = await tx
    .selectFrom("port_security_groups")
    .innerJoin("ip_allocations", "ip_allocations.port_id", "port_security_groups.port_id")
    .select(["port_security_groups.security_group_id", "ip_allocations.ip_address"])
    .where("port_security_groups.security_group_id", "in", groupIds)
    .orderBy("ip_allocations.address")
    .execute();
  const grouped = Map.groupBy(rows, ({ security_group_id }) => security_group_id);
  return new Map([...grouped].map(([id, items]) => [id, items.map(({ ip_address }) => ip_address)]));
}

function securityRule(rule: SecurityGroupRule, members: ReadonlyMap<Uuid, readonly string[]>): SecurityRule {
  const {
    direction,
    ethertype,
    protocol,
    port_range_min,
    port_range_max,
    remote_ip_prefix,
    remote_group_id,
  } = rule;
  const remoteAddresses = remote_group_id === null ? null : (members.get(remote_group_id) ?? []);
  return {
    direction,
    ethertype,
    protocol,
    port_range_min,
    port_range_max,
    remote_ip_prefix,
    remoteAddresses,
  };
}
