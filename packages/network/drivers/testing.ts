// Ports to plug, for the tests of drivers.
import type { NetworkSpec, PortSpec, SecurityRule } from "./driver.ts";

export function aNetwork(
  id: string,
  over: Partial<NetworkSpec> & { readonly prefix?: string } = {},
): NetworkSpec {
  const { prefix = "10.213.7", ...rest } = over;
  const subnet = {
    id: `${id.slice(0, 35)}5`,
    ip_version: 4 as const,
    cidr: `${prefix}.0/24`,
    gateway_ip: `${prefix}.1`,
    service_address: `${prefix}.1`,
    enable_dhcp: true,
    dns_nameservers: [],
    host_routes: [],
  };
  return {
    id,
    mtu: 1450,
    segmentationId: null,
    dnsDomain: "cloud.example.",
    nat: true,
    routed: [],
    subnets: [subnet],
    ...rest,
  };
}

export function aPort(
  network: NetworkSpec,
  id: string,
  last: number,
  over: Partial<PortSpec> = {},
): PortSpec {
  const subnet = network.subnets[0]!;
  const ip_address = subnet.cidr.replace(/\.0\/24$/, `.${last}`);
  return {
    id,
    serverId: null,
    mac_address: `fa:16:3e:00:${network.id.slice(0, 2)}:${last.toString(16).padStart(2, "0")}`,
    fixed_ips: [{ subnet_id: subnet.id, ip_address }],
    hostname: `guest-${last}`,
    network,
    portSecurity: true,
    rules: [anyOut],
    ...over,
  };
}

export const anyOut: SecurityRule = aRule({ direction: "egress" });

export function aRule(over: Partial<SecurityRule> = {}): SecurityRule {
  return {
    direction: "ingress",
    ethertype: "IPv4",
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_ip_prefix: null,
    remoteAddresses: null,
    ...over,
  };
}
