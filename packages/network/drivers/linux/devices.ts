// Bridges and taps: what exists, and the lines of one `ip -batch` that make or remove them.
import { type Platform, run, type Uuid } from "@micronova/kit";
import { overlaps, parsePrefix } from "../../addresses/ipv4.ts";
import type { NetworkSpec, PortSpec } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { aliasOf, bridgeMac, bridgeName, readAlias, tapMac, tapName } from "./names.ts";

export interface Devices {
  /** Network id → its bridge's addresses (`10.0.0.1/24`). */
  readonly bridges: ReadonlyMap<Uuid, readonly string[]>;
  readonly taps: ReadonlySet<Uuid>;
  /** Network id → how its frames go between hosts. */
  readonly overlays: ReadonlyMap<Uuid, OverlayDevice>;
}

export interface OverlayDevice {
  readonly segmentationId: number;
  readonly tunnelAddress: string;
}

/** Lines of `ip -batch` which make the device a port's guest is connected to; tests put a veth pair there. */
export type PortDevice = (name: string, port: PortSpec) => readonly string[];

interface IpDevice {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[];
  readonly linkinfo?: { readonly info_data?: { readonly id?: number; readonly local?: string } };
}

/** Two programs, since `ip address` leaves out aliases. */
export async function readDevices(cloudId: Uuid): Promise<Devices> {
  const [links, addresses] = await Promise.all([
    ipJson<IpDevice>("-d", "link", "show"),
    ipJson<IpDevice>("-4", "address", "show"),
  ]);
  const addressesOf = new Map(addresses.map((device) => [device.ifname, device.addr_info ?? []]));
  const bridges = new Map<Uuid, readonly string[]>();
  const taps = new Set<Uuid>();
  const overlays = new Map<Uuid, OverlayDevice>();
  for (const { ifname, ifalias, linkinfo } of links) {
    const alias = readAlias(cloudId, ifalias);
    if (alias?.kind === "port") taps.add(alias.id);
    if (alias?.kind === "overlay") {
      const { id = 0, local = "" } = linkinfo?.info_data ?? {};
      overlays.set(alias.id, { segmentationId: id, tunnelAddress: local });
    }
    if (alias?.kind !== "network") continue;
    const found = addressesOf.get(ifname) ?? [];
    bridges.set(
      alias.id,
      found.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    );
  }
  return { bridges, taps, overlays };
}

export async function ipJson<T>(...args: readonly string[]): Promise<readonly T[]> {
  const { stdout } = await run("ip", ["-j", ...args]);
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

/** Runs the lines as one program; the kernel's answers come back in order. */
export async function ipBatch(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** The host's addresses on the network, with their prefix lengths. */
function serviceAddresses(network: NetworkSpec): readonly string[] {
  return network.subnets.flatMap(({ service_address, cidr, ip_version }) =>
    service_address === null || ip_version !== 4 ? [] : [`${service_address}/${parsePrefix(cidr)!.length}`],
  );
}

export function bridgeLines(
  cloudId: Uuid,
  network: NetworkSpec,
  existing: readonly string[] | null,
): string[] {
  const name = bridgeName(network.id);
  const wanted = serviceAddresses(network);
  const lines: string[] = [];
  if (existing === null) {
    // Only this bridge passes its packets to the inet tables; the machine's other bridges keep their
    // settings.
    const hooks = "nf_call_iptables 1 nf_call_ip6tables 1";
    lines.push(
      `link add dev ${name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0 ${hooks}`,
      `link set dev ${name} address ${bridgeMac(network.id)} addrgenmode none`,
      `link set dev ${name} mtu ${network.mtu} alias ${aliasOf(cloudId, "network", network.id)} up`,
      // A guest that looks for the metadata address on its own link is answered; the host does not take the
      // address.
      `neighbour add proxy 169.254.169.254 dev ${name}`,
    );
  }
  for (const address of existing ?? []) {
    if (!wanted.includes(address)) lines.push(`address delete ${address} dev ${name}`);
  }
  for (const address of wanted) {
    if (!existing?.includes(address)) lines.push(`address add ${address} brd + dev ${name}`);
  }
  return lines;
}

export function tapLines(cloudId: Uuid, port: PortSpec, device: PortDevice): string[] {
  const name = tapName(port.id);
  return [
    ...device(name, port),
    `link set dev ${name} address ${tapMac(port.mac_address)} mtu ${port.network.mtu} addrgenmode none`,
    `link set dev ${name} alias ${aliasOf(cloudId, "port", port.id)}`,
    `link set dev ${name} master ${bridgeName(port.network.id)} up`,
  ];
}

export const removalLine = (name: string) => `link delete dev ${name}`;

/**
 * Refuses a network whose addresses the host reaches elsewhere: its guests or the host would lose their way.
 */
export async function assertNoOverlap(platform: Platform, network: NetworkSpec): Promise<void> {
  const routes = await ipJson<{ readonly dst: string; readonly dev?: string }>("-4", "route", "show");
  for (const subnet of network.subnets) {
    const prefix = parsePrefix(subnet.cidr);
    if (prefix === null || subnet.service_address === null) continue;
    const clash = routes.find(({ dst, dev }) => {
      const route = dst === "default" ? null : parsePrefix(dst);
      return route !== null && dev !== bridgeName(network.id) && overlaps(route, prefix);
    });
    if (clash === undefined) continue;
    platform.log.warn({ cidr: subnet.cidr, device: clash.dev }, "network overlaps with a route of the host");
    throw driverErrors.overlap(subnet.cidr, clash.dev ?? "another route");
  }
}
