// Networks of the real host, as root: a bridge per network with the gateway's address on it, a tap per port,
// dnsmasq for addresses and names, nftables for everything that is forbidden, and VXLAN to the same networks
// on other hosts. Calls that come together are done together, since each program started costs more than what
// it does.
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Platform, run, type Uuid } from "@micronova/kit";
import {
  type HostNetwork,
  type MetadataEndpoint,
  type NetworkDriver,
  type NetworkSpec,
  noTunnel,
  type PortSpec,
  type Tunnel,
} from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { lane } from "../lane.ts";
import {
  assertNoOverlap,
  bridgeLines,
  type Devices,
  ipBatch,
  type PortDevice,
  readDevices,
  removalLine,
  tapLines,
} from "./devices.ts";
import { type DhcpServers, dhcpServers } from "./dhcp.ts";
import { enableForwarding, restoreForwarding } from "./forwarding.ts";
import { bridgeName, overlayName, tableName, tapName } from "./names.ts";
import { type Overlay, overlaysOf, peersOf, probeTunnel, settleOverlays } from "./overlay.ts";
import { type Elsewhere, nothingElsewhere, type PortNotes, portNotes } from "./port-notes.ts";
import {
  networkAdded,
  networkRemoved,
  peersAdded,
  peersRemoved,
  portAdded,
  portRemoved,
  type RulesetOptions,
  removedRuleset,
  wholeRuleset,
} from "./ruleset.ts";

export interface LinuxNetworkOptions {
  readonly platform: Platform;
  readonly cloudId: Uuid;
  /** Where the driver keeps its notes; private to the cloud. */
  readonly stateDir: string;
  /** Where dnsmasq's files lie; readable by all. Default `/run/micronova/<cloud>`. */
  readonly runDir?: string;
  /** Who may open the taps: the user QEMU runs as. */
  readonly tapUser?: string | number;
  /** The port of each network's own address where the worker listens for metadata. */
  readonly metadataPort?: number;
  /** The host's own address to which other hosts send its networks' frames. Without it the host is alone. */
  readonly tunnelAddress?: string;
  readonly portDevice?: PortDevice;
}

/** Not a well-known port, and below Linux's ephemeral ones. */
const defaultMetadataPort = 28_775;

/** What the driver works with; each change is a step from one set of ports to another. */
interface Host {
  readonly options: LinuxNetworkOptions;
  ruleset: RulesetOptions;
  readonly notes: PortNotes;
  readonly dhcp: DhcpServers;
  readonly portDevice: PortDevice;
  readonly runDir: string;
  state: State;
  /** Whether our tables are known to hold what `state` says. */
  rulesStand: boolean;
  tunnel: Tunnel;
  /** What the overlays are known to be, as JSON; null when that is not known. */
  overlaid: string | null;
  readonly watchers: Set<(endpoints: readonly MetadataEndpoint[]) => void>;
}

interface State {
  readonly ports: Ports;
  readonly elsewhere: Elsewhere;
}

type Ports = ReadonlyMap<Uuid, PortSpec>;

export function linuxNetworkDriver(options: LinuxNetworkOptions): NetworkDriver {
  const host = hostOf(options);
  const inTurn = lane();
  let waiting: Waiting[] = [];

  /**
   * Whoever comes first does the work of all who wait. When that fails, each tries alone: one's fault stays
   * its own.
   */
  function change(wanted: Change): Promise<void> {
    const mine: Waiting = { change: wanted, done: false };
    waiting.push(mine);
    return inTurn(async () => {
      const together = waiting;
      waiting = [];
      if (together.length > 1) await settleTogether(host, together);
      if (!mine.done) await settle(host, wanted);
    });
  }

  return {
    name: "linux",
    metadata: {
      watch(listener) {
        host.watchers.add(listener);
        listener(endpointsOf(host));
        return () => host.watchers.delete(listener);
      },
    },
    start: () => inTurn(() => takeUp(host)),
    async stop() {},
    dispose: () => inTurn(() => dispose(host)),
    apply: (wanted) => inTurn(() => apply(host, wanted)),
    refresh: (wanted) => inTurn(() => refresh(host, wanted)),
    async plug(port) {
      if (!isPlugged(host, port)) {
        assertReaches(host, port.network);
        await change({ add: [port], remove: [] });
      }
      return { kind: "tap", name: tapName(port.id), bridge: bridgeName(port.network.id) };
    },
    unplug: (portId) => change({ add: [], remove: [portId] }),
    list: () => inTurn(async () => [...(await readDevices(options.cloudId)).taps]),
    tunnel: async () => host.tunnel,
  };
}

function hostOf(options: LinuxNetworkOptions): Host {
  const runDir = options.runDir ?? join("/run/micronova", options.cloudId.slice(0, 8));
  const user = options.tapUser === undefined ? "" : ` user ${options.tapUser}`;
  return {
    options,
    runDir,
    ruleset: {
      table: tableName(options.cloudId),
      tunnelAddress: null,
      metadataPort: options.metadataPort ?? defaultMetadataPort,
    },
    notes: portNotes(join(options.stateDir, "ports")),
    dhcp: dhcpServers(options.platform, runDir),
    portDevice: options.portDevice ?? ((name) => [`tuntap add dev ${name} mode tap${user}`]),
    state: noState,
    rulesStand: false,
    tunnel: noTunnel,
    overlaid: null,
    watchers: new Set(),
  };
}

const noState: State = { ports: new Map(), elsewhere: nothingElsewhere };

/** Better on another host than with a network that does not reach the others. */
function assertReaches({ tunnel }: Host, { segmentationId }: NetworkSpec): void {
  if (tunnel.fault !== null && segmentationId !== null) throw driverErrors.noOverlay(tunnel.fault);
}

/**
 * Goes on where an earlier process ended. After a restart of the machine all is made anew; a network that no
 * longer can be does not keep the others, nor the cloud, from starting.
 */
async function takeUp(host: Host): Promise<void> {
  await assertAble();
  const { log } = host.options.platform;
  host.tunnel = await probeTunnel(host.options.tunnelAddress ?? null);
  if (host.tunnel.fault !== null)
    log.error({ fault: host.tunnel.fault }, "this host joins no other's networks");
  host.ruleset = { ...host.ruleset, tunnelAddress: host.tunnel.address };
  const ports = await host.notes.load();
  const elsewhere = await host.notes.loadElsewhere();
  host.state = { ports: new Map(ports.map((port) => [port.id, port])), elsewhere };
  if (ports.length === 0) return;
  try {
    await apply(host, { ports, ...elsewhere });
  } catch (error) {
    log.warn({ error }, "networks could not be taken up together; trying each port");
    host.state = { ports: new Map(), elsewhere };
    for (const port of ports) {
      await settle(host, { add: [port], remove: [] }).catch((error: unknown) =>
        log.error({ error, portId: port.id }, "port could not be taken up; its server has no network"),
      );
    }
  }
}

async function assertAble(): Promise<void> {
  for (const program of ["ip", "nft", "dnsmasq"]) {
    // Each of the three answers this without touching anything; a missing one is a Fault that names it.
    await run(program, [program === "ip" ? "-V" : "--version"]);
  }
  const needs = [
    { path: "/dev/net/tun", module: "tun" },
    { path: "/proc/sys/net/bridge", module: "br_netfilter" },
  ];
  for (const { path, module } of needs) {
    // The check below says what is missing, whatever modprobe said.
    if (!existsSync(path)) await run("modprobe", [module]).catch(() => undefined);
    if (!existsSync(path))
      throw driverErrors.missing(`kernel module ${module}`, `try \`modprobe ${module}\``);
  }
}

async function apply(host: Host, { ports: wanted, ...elsewhere }: HostNetwork): Promise<void> {
  const [devices, tables] = await Promise.all([
    readDevices(host.options.cloudId),
    run("nft", ["list", "tables"]),
  ]);
  const { table } = host.ruleset;
  const tableLines = tables.stdout.split("\n");
  host.rulesStand &&= ["inet", "bridge"].every((family) => tableLines.includes(`table ${family} ${table}`));
  host.overlaid = null;
  const wantedIds = new Set(wanted.map((port) => port.id));
  const known = new Set([...host.state.ports.keys(), ...devices.taps]);
  const add = wanted.filter((port) => !isPlugged(host, port));
  const remove = [...known].filter((id) => !wantedIds.has(id));
  // Bridges without ports, and networks whose server died, are put right as well.
  await settleBoth(host, { add, remove, elsewhere, everywhere: true });
}

async function refresh(host: Host, { ports, ...elsewhere }: HostNetwork): Promise<void> {
  const { state } = host;
  const add = ports.filter((port) => state.ports.has(port.id) && !isPlugged(host, port));
  const isSame = JSON.stringify(elsewhere) === JSON.stringify(state.elsewhere);
  if (add.length === 0 && isSame) return;
  if (state.ports.size > 0) return settle(host, { add, remove: [], elsewhere });
  // Told early: the first port finds its way to others by it.
  await host.notes.writeElsewhere(elsewhere);
  host.state = { ...state, elsewhere };
}

interface Change {
  readonly add: readonly PortSpec[];
  readonly remove: readonly Uuid[];
  /** What is known from now on of other hosts; absent when nothing new is. */
  readonly elsewhere?: Elsewhere;
  /** Also look after networks that the change does not name. */
  readonly everywhere?: boolean;
}

interface Waiting {
  readonly change: Change;
  done: boolean;
}

async function settleTogether(host: Host, together: readonly Waiting[]): Promise<void> {
  const add = new Map<Uuid, PortSpec>();
  const remove = new Set<Uuid>();
  for (const { change } of together) {
    for (const id of change.remove) if (remove.add(id)) add.delete(id);
    for (const port of change.add) if (add.set(port.id, port)) remove.delete(port.id);
  }
  try {
    await settleBoth(host, { add: [...add.values()], remove: [...remove] });
    for (const each of together) each.done = true;
  } catch (error) {
    host.options.platform.log.warn({ error, count: together.length }, "changes failed together; trying each");
  }
}

function isPlugged(host: Host, port: PortSpec): boolean {
  const isSame = JSON.stringify(host.state.ports.get(port.id)) === JSON.stringify(port);
  return isSame && existsSync(`/sys/class/net/${tapName(port.id)}`);
}

async function settleBoth(host: Host, { add, remove, ...rest }: Change): Promise<void> {
  if (remove.length > 0) await settle(host, { add: [], remove });
  if (add.length > 0 || rest.everywhere) await settle(host, { add, remove: [], ...rest });
}

/**
 * Either adds or removes. Rules before devices when adding and after them when removing: a tap never passes
 * what it should not.
 */
async function settle(host: Host, change: Change): Promise<void> {
  const before = host.state;
  const ports = new Map(before.ports);
  for (const id of change.remove) ports.delete(id);
  for (const port of change.add) ports.set(port.id, port);
  const after: State = { ports, elsewhere: change.elsewhere ?? before.elsewhere };

  await Promise.all(change.add.map((port) => host.notes.write(port)));
  if (change.elsewhere !== undefined) await host.notes.writeElsewhere(change.elsewhere);
  // Nobody else makes or removes our devices, so what is there is read while the rules change.
  const [devices] = await Promise.all([
    readDevices(host.options.cloudId),
    change.remove.length === 0 ? changeRules(host, before, after) : null,
  ]);
  await changeDevices(host, devices, networksOf(after), change);
  await changeOverlays(host, devices, after);
  if (change.remove.length > 0) await changeRules(host, before, after);
  await Promise.all(change.remove.map((id) => host.notes.remove(id)));
  await changeDhcp(host, before.ports, after.ports, change);
  host.state = after;
  host.rulesStand = true;
  for (const watcher of host.watchers) watcher(endpointsOf(host));
}

async function changeDevices(
  host: Host,
  devices: Devices,
  networks: ReadonlyMap<Uuid, NetworkSpec>,
  change: Change,
): Promise<void> {
  const { cloudId, platform } = host.options;
  const lines: string[] = [];
  for (const network of networks.values()) {
    const bridge = devices.bridges.get(network.id) ?? null;
    if (bridge === null) {
      await assertNoOverlap(platform, network);
      await enableForwarding();
    }
    lines.push(...bridgeLines(cloudId, network, bridge));
  }
  const missing = change.add.filter((port) => !devices.taps.has(port.id));
  lines.push(...missing.flatMap((port) => tapLines(cloudId, port, host.portDevice)));
  const gone = change.remove.filter((id) => devices.taps.has(id));
  lines.push(...gone.map((id) => removalLine(tapName(id))));
  const empty = [...devices.bridges.keys()].filter((id) => !networks.has(id));
  lines.push(...empty.map((id) => removalLine(bridgeName(id))));
  await ipBatch(lines);
}

async function changeOverlays(host: Host, devices: Devices, after: State): Promise<void> {
  const wanted = overlaysIn(host, after);
  const text = JSON.stringify(wanted);
  if (host.overlaid === text) return;
  host.overlaid = null;
  const networks = [...networksOf(after).keys()];
  await settleOverlays({ cloudId: host.options.cloudId, devices, networks, wanted });
  host.overlaid = text;
}

function overlaysIn(host: Host, state: State): readonly Overlay[] {
  const { remotes } = state.elsewhere;
  const tunnelAddress = host.tunnel.address;
  return overlaysOf({ tunnelAddress, networks: [...networksOf(state).values()], remotes });
}

async function changeRules(host: Host, before: State, after: State): Promise<void> {
  const [had, has] = [before, after].map((state) => ruled(host, state));
  const whole = () =>
    wholeRuleset(
      {
        networks: [...has!.networks.values()],
        ports: [...has!.ports.values()],
        peers: [...has!.peers.values()],
      },
      host.ruleset,
    );
  const text = host.rulesStand ? rulesChange(host.ruleset, had!, has!) : whole();
  if (text === "") return;
  const wereStanding = host.rulesStand;
  // Until all of the change is done: what fails later leaves rules that no longer are those of `host.state`.
  host.rulesStand = false;
  await run("nft", ["-f", "-"], { input: text }).catch((error) => {
    if (!wereStanding) throw error;
    // Somebody changed our tables: they are made anew as a whole.
    host.options.platform.log.warn({ error }, "firewall rules were not as expected; writing all of them");
    return run("nft", ["-f", "-"], { input: whole() });
  });
}

/** What rules speak of. */
interface Ruled {
  readonly ports: Ports;
  readonly networks: ReadonlyMap<Uuid, NetworkSpec>;
  readonly peers: ReadonlyMap<string, string>;
}

function ruled(host: Host, state: State): Ruled {
  const peers = peersOf(overlaysIn(host, state)).map((address) => [address, address] as const);
  return { ports: state.ports, networks: networksOf(state), peers: new Map(peers) };
}

/**
 * What differs, as one transaction: old pieces first, so that a new one may take a name or an address over.
 */
function rulesChange(ruleset: RulesetOptions, before: Ruled, after: Ruled): string {
  const ports = differences(before.ports, after.ports);
  const networks = differences(before.networks, after.networks);
  const peers = differences(before.peers, after.peers);
  return [
    ...ports.removed.map((port) => portRemoved(port, ruleset.table)),
    ...networks.removed.map((network) => networkRemoved(network, ruleset)),
    peersRemoved(peers.removed, ruleset.table),
    peersAdded(peers.added, ruleset.table),
    ...networks.added.map((network) => networkAdded(network, ruleset)),
    ...ports.added.map((port) => portAdded(port, ruleset.table)),
  ]
    .filter((part) => part !== "")
    .map((part) => `${part}\n`)
    .join("");
}

/** A thing that changed is both removed as it was and added as it is. */
function differences<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>) {
  const same = (id: string) => JSON.stringify(before.get(id)) === JSON.stringify(after.get(id));
  return {
    removed: [...before].filter(([id]) => !same(id)).map(([, thing]) => thing),
    added: [...after].filter(([id]) => !same(id)).map(([, thing]) => thing),
  };
}

async function changeDhcp(host: Host, before: Ports, after: Ports, change: Change): Promise<void> {
  const networks = portNetworks(after);
  const touched = new Set([
    ...change.add.map((port) => port.network.id),
    ...change.remove.flatMap((id) => before.get(id)?.network.id ?? []),
    ...(change.everywhere ? [...networks.keys()] : []),
  ]);
  for (const networkId of touched) {
    const network = networks.get(networkId);
    const ports = [...after.values()].filter((port) => port.network.id === networkId);
    await (network === undefined ? host.dhcp.remove(networkId) : host.dhcp.serve(network, ports));
  }
}

/** The networks of the ports; the port that came last knows its network best. */
const portNetworks = (ports: Ports): ReadonlyMap<Uuid, NetworkSpec> =>
  new Map([...ports.values()].map((port) => [port.network.id, port.network]));

/** All networks that must be here: a routed one lives by those that reach it. */
function networksOf({ ports, elsewhere }: State): ReadonlyMap<Uuid, NetworkSpec> {
  const own = portNetworks(ports);
  const reached = new Set([...own.values()].flatMap(({ routed }) => routed));
  const routed = elsewhere.routed.filter(({ id }) => reached.has(id) && !own.has(id));
  return new Map([...own, ...routed.map((network) => [network.id, network] as const)]);
}

function endpointsOf(host: Host): readonly MetadataEndpoint[] {
  return [...portNetworks(host.state.ports).values()].flatMap((network) => {
    const address = network.subnets.find((subnet) => subnet.service_address !== null)?.service_address;
    return address ? [{ networkId: network.id, address, port: host.ruleset.metadataPort }] : [];
  });
}

async function dispose(host: Host): Promise<void> {
  const devices = await readDevices(host.options.cloudId);
  await ipBatch([
    ...[...devices.taps].map((id) => removalLine(tapName(id))),
    ...[...devices.overlays.keys()].map((id) => removalLine(overlayName(id))),
    ...[...devices.bridges.keys()].map((id) => removalLine(bridgeName(id))),
  ]);
  await host.dhcp.removeAll();
  await run("nft", ["-f", "-"], { input: `${removedRuleset(host.ruleset.table)}\n` });
  await restoreForwarding();
  await rm(host.runDir, { recursive: true, force: true });
  await host.notes.removeAll();
  await mkdir(join(host.options.stateDir, "ports"), { recursive: true, mode: 0o700 });
  host.state = noState;
  host.rulesStand = false;
  host.overlaid = null;
  for (const watcher of host.watchers) watcher([]);
}
