// network_data.json: the guest's cards, and for each the addresses it shall use, as cloud-init reads them.
import type { Guest } from "./guest.ts";

type Port = Guest["ports"][number];
type Subnet = Port["network"]["subnets"][number];

export function networkData({ ports }: Pick<Guest, "ports">): object {
  const links = ports.map(link);
  const networks = ports
    .flatMap((port) => networksOf(port))
    .map((entry, at) => ({ id: `network${at}`, ...entry }));
  const dns = new Set(
    ports.flatMap(({ network }) => network.subnets.flatMap((subnet) => subnet.dns_nameservers)),
  );
  return { links, networks, services: [...dns].map((address) => ({ type: "dns", address })) };
}

/** Linux lets interface names have 15 bytes; Neutron's taps are named by the port's first eleven digits. */
const tapDigits = 11;

const linkId = (port: Port) => `tap${port.id.slice(0, tapDigits)}`;

function link(port: Port): object {
  const usesDhcp = port.network.subnets.some((subnet) => subnet.enable_dhcp);
  return {
    id: linkId(port),
    vif_id: port.id,
    type: "bridge",
    // With DHCP the server says the MTU.
    mtu: usesDhcp ? null : port.network.mtu,
    ethernet_mac_address: port.mac_address,
  };
}

/** One entry for each version of IP, by the port's first address of it. */
function networksOf(port: Port): object[] {
  return ([4, 6] as const).flatMap((version) => {
    for (const { subnet_id, ip_address } of port.fixed_ips) {
      const subnet = port.network.subnets.find(({ id }) => id === subnet_id);
      if (subnet?.ip_version === version) return [entry(port, subnet, ip_address)];
    }
    return [];
  });
}

function entry(port: Port, subnet: Subnet, address: string): object {
  const common = { link: linkId(port), network_id: port.network.id };
  const family = subnet.ip_version === 4 ? "ipv4" : "ipv6";
  if (subnet.enable_dhcp) return { ...common, type: `${family}_dhcp` };
  return {
    ...common,
    type: family,
    ip_address: address,
    netmask: netmask(subnet),
    routes: routesOf(subnet),
    services: subnet.dns_nameservers.map((server) => ({ type: "dns", address: server })),
  };
}

function routesOf(subnet: Subnet): object[] {
  const any = subnet.ip_version === 4 ? "0.0.0.0" : "::";
  const first =
    subnet.gateway_ip === null ? [] : [{ network: any, netmask: any, gateway: subnet.gateway_ip }];
  const others = subnet.host_routes.map(({ destination, nexthop }) => {
    const [network = destination, length = "32"] = destination.split("/");
    return { network, netmask: maskOf(Number(length), subnet.ip_version), gateway: nexthop };
  });
  return [...first, ...others];
}

const netmask = (subnet: Subnet) => maskOf(Number(subnet.cidr.split("/")[1]), subnet.ip_version);

/** A prefix length as the text of a mask: 24 → 255.255.255.0, 64 → ffff:ffff:ffff:ffff::. */
export function maskOf(length: number, version: 4 | 6): string {
  const groupBits = version === 4 ? 8 : 16;
  const groups = Array.from({ length: version === 4 ? 4 : 8 }, (_, at) => {
    const set = Math.min(groupBits, Math.max(0, length - at * groupBits));
    return 2 ** groupBits - 2 ** (groupBits - set);
  });
  if (version === 4) return groups.join(".");
  const text = groups.filter((group) => group > 0).map((group) => group.toString(16));
  return text.length === groups.length ? text.join(":") : `${text.join(":")}::`;
}
