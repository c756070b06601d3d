// The overlay: how frames of one network go between hosts. Each network that has ports elsewhere gets a VXLAN
// device on its bridge. Nothing is learned there and no multicast is used: the control plane says which card
// is behind which host, and this file makes the kernel's tables say the same. The kernel answers a guest's
// question for a remote address from those tables itself; what it cannot know (broadcasts, cards inside a
// guest that may have any) goes to each host that has ports of the network, and to no other.
import { isFault, run, type Uuid } from "@micronova/kit";
import { type NetworkSpec, noTunnel, type RemotePort, type Tunnel } from "../driver.ts";
import { type Devices, ipBatch, ipJson, type OverlayDevice, removalLine } from "./devices.ts";
import { aliasOf, bridgeName, overlayName } from "./names.ts";

/** One network's part of what is wanted. */
export interface Overlay {
  readonly networkId: Uuid;
  readonly device: OverlayDevice;
  readonly mtu: number;
  readonly remotes: readonly RemotePort[];
}

export interface OverlayWish {
  readonly tunnelAddress: string | null;
  readonly networks: readonly NetworkSpec[];
  readonly remotes: readonly RemotePort[];
}

/** VXLAN's own port, and what its headers take from a packet: Ethernet, IPv4, UDP and VXLAN. */
export const vxlanPort = 4789;
/** As a card's address in the table of a VXLAN device: all that has no entry of its own. */
const everyMac = "00:00:00:00:00:00";
/** Nobody's; the device asked for as a probe never comes up. */
const probePort = 65_535;

/**
 * Networks that have ports on other hosts, or whose routers' other networks do: those hosts route for their
 * own guests, and so send into networks of which they have no port.
 */
export function overlaysOf({ tunnelAddress, networks, remotes }: OverlayWish): readonly Overlay[] {
  if (tunnelAddress === null) return [];
  const byNetwork = Map.groupBy(remotes, ({ networkId }) => networkId);
  return networks.flatMap(({ id, mtu, segmentationId, routed }) => {
    if (segmentationId === null || ![id, ...routed].some((one) => byNetwork.has(one))) return [];
    const device = { segmentationId, tunnelAddress };
    return [{ networkId: id, mtu, device, remotes: byNetwork.get(id) ?? [] }];
  });
}

/** The other hosts from which packets of the overlay may come. */
export function peersOf(overlays: readonly Overlay[]): readonly string[] {
  return [
    ...new Set(overlays.flatMap(({ remotes }) => remotes.map(({ tunnelAddress }) => tunnelAddress))),
  ].sort();
}

export interface Settling {
  readonly cloudId: Uuid;
  /** As they were before the networks' bridges were made. */
  readonly devices: Devices;
  readonly networks: readonly Uuid[];
  readonly wanted: readonly Overlay[];
}

/** Makes the host's devices and tables equal to what is wanted. The networks' bridges are there. */
export async function settleOverlays({ cloudId, devices, networks, wanted }: Settling): Promise<void> {
  const byNetwork = new Map(wanted.map((overlay) => [overlay.networkId, overlay]));
  const isRight = (id: Uuid) => {
    const there = devices.overlays.get(id);
    const right = byNetwork.get(id)?.device;
    return there?.segmentationId === right?.segmentationId && there?.tunnelAddress === right?.tunnelAddress;
  };
  const wrong = [...devices.overlays.keys()].filter((id) => !isRight(id));
  const missing = wanted.filter(({ networkId }) => !isRight(networkId));
  await ipBatch([
    ...wrong.map((id) => removalLine(overlayName(id))),
    ...missing.flatMap((overlay) => deviceLines(cloudId, overlay)),
  ]);
  const [bridges, names] = await Promise.all([readForwarding(), readNeighbours()]);
  await bridgeBatch(wanted.flatMap((overlay) => forwardingLines(overlay, bridges)));
  // Networks that no longer reach elsewhere are asked too: their bridges may know addresses of before.
  await ipBatch(networks.flatMap((id) => neighbourLines(id, byNetwork.get(id), names)));
}

function deviceLines(cloudId: Uuid, { networkId, device, mtu }: Overlay): string[] {
  const name = overlayName(networkId);
  const { segmentationId, tunnelAddress } = device;
  return [
    `link add dev ${name} type vxlan id ${segmentationId} dstport ${vxlanPort} local ${tunnelAddress} nolearning`,
    `link set dev ${name} mtu ${mtu} addrgenmode none alias ${aliasOf(cloudId, "overlay", networkId)}`,
    `link set dev ${name} master ${bridgeName(networkId)}`,
    `link set dev ${name} type bridge_slave learning off neigh_suppress on`,
    `link set dev ${name} up`,
  ];
}

interface ForwardingEntry {
  readonly mac: string;
  readonly ifname: string;
  /** There in the table of the VXLAN device. */
  readonly dst?: string;
  /** There in the table of the bridge. */
  readonly master?: string;
  readonly state?: string;
}

async function readForwarding(): Promise<readonly ForwardingEntry[]> {
  const { stdout } = await run("bridge", ["-j", "fdb", "show"]);
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

async function bridgeBatch(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run("bridge", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Two tables know each remote card: the bridge's says that it is not here, the device's says where it is. */
function forwardingLines(
  { networkId, remotes }: Overlay,
  entries: readonly ForwardingEntry[],
): readonly string[] {
  const name = overlayName(networkId);
  const own = entries.filter(({ ifname }) => ifname === name);
  const toHost = new Map(remotes.map(({ mac_address, tunnelAddress }) => [mac_address, tunnelAddress]));
  const floodTo = new Set(toHost.values());
  const lines: string[] = [];
  const standing = new Set<string>();
  for (const { mac, dst, master, state } of own) {
    if (dst !== undefined && mac === everyMac) {
      if (floodTo.has(dst)) standing.add(dst);
      else lines.push(`fdb delete ${mac} dev ${name} dst ${dst} self`);
    } else if (dst !== undefined) {
      if (toHost.get(mac) === dst) standing.add(`${mac} self`);
      else if (!toHost.has(mac)) lines.push(`fdb delete ${mac} dev ${name} self`);
    } else if (master !== undefined && state === "static") {
      if (toHost.has(mac)) standing.add(`${mac} master`);
      else lines.push(`fdb delete ${mac} dev ${name} master`);
    }
  }
  for (const address of floodTo) {
    if (!standing.has(address))
      lines.push(`fdb append ${everyMac} dev ${name} dst ${address} self permanent`);
  }
  for (const [mac, address] of toHost) {
    if (!standing.has(`${mac} self`))
      lines.push(`fdb replace ${mac} dev ${name} dst ${address} self permanent`);
    // Sticky: no frame of a guest here moves the card to that guest's tap.
    if (!standing.has(`${mac} master`)) lines.push(`fdb replace ${mac} dev ${name} master static sticky`);
  }
  return lines;
}

interface Neighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr: string;
}

const readNeighbours = () => ipJson<Neighbour>("-4", "neighbour", "show", "nud", "permanent");

/** From these the bridge answers guests that ask for a remote address, and the host sends to it. */
function neighbourLines(
  networkId: Uuid,
  overlay: Overlay | undefined,
  known: readonly Neighbour[],
): readonly string[] {
  const bridge = bridgeName(networkId);
  const wanted = new Map(
    (overlay?.remotes ?? []).flatMap(({ mac_address, addresses }) =>
      addresses.filter(isIpv4).map((address) => [address, mac_address] as const),
    ),
  );
  const own = new Map(known.filter(({ dev }) => dev === bridge).map(({ dst, lladdr }) => [dst, lladdr]));
  return [
    ...[...own.keys()]
      .filter((address) => !wanted.has(address))
      .map((address) => `neighbour delete ${address} dev ${bridge}`),
    ...[...wanted]
      .filter(([address, mac]) => own.get(address) !== mac)
      .map(([address, mac]) => `neighbour replace ${address} lladdr ${mac} dev ${bridge} nud permanent`),
  ];
}

const isIpv4 = (address: string) => !address.includes(":");

/** Whether this host can do what it is asked: has the address, and a kernel with VXLAN. */
export async function probeTunnel(address: string | null): Promise<Tunnel> {
  if (address === null) return noTunnel;
  const why = (await hasAddress(address))
    ? await whyNoVxlan(address)
    : `its tunnel address ${address} is none of its addresses`;
  return why === null ? { address, fault: null } : { address: null, fault: why };
}

async function hasAddress(address: string): Promise<boolean> {
  const devices = await ipJson<{ readonly addr_info?: readonly { readonly local?: string }[] }>(
    ...["-4", "address", "show"],
  );
  return devices.some(({ addr_info = [] }) => addr_info.some(({ local }) => local === address));
}

/** The kernel is asked for a device of no use, since no file says whether VXLAN is built in. */
async function whyNoVxlan(address: string): Promise<string | null> {
  const name = `vxlp${process.pid}`;
  const kind = ["type", "vxlan", "id", String(process.pid), "local", address, "dstport", String(probePort)];
  // What the kernel says next says more than this program.
  await run("modprobe", ["vxlan"]).catch(() => undefined);
  try {
    await run("ip", ["link", "add", "dev", name, ...kind]);
  } catch (error) {
    if (!isFault(error)) throw error;
    return `its kernel makes no VXLAN device, try \`modprobe vxlan\` (${error.message})`;
  }
  await run("ip", ["link", "delete", "dev", name]);
  return null;
}
