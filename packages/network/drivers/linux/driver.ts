// Networks of the real host, as root: a bridge per network with the gateway's address on it, a tap per port,
// dnsmasq for addresses and names, nftables for everything that is forbidden. Calls that come together are
// done together, since each program started costs more than what it does.
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Platform, run, type Uuid } from "@micronova/kit";
import type { MetadataEndpoint, NetworkDriver, NetworkSpec, PortSpec } from "../driver.ts";
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
import { bridgeName, tableName, tapName } from "./names.ts";
import { type PortNotes, portNotes } from "./port-notes.ts";
import {
  networkAdded,
  networkRemoved,
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
  readonly portDevice?: PortDevice;
}

/** Not a well-known port, and below Linux's ephemeral ones. */
const defaultMetadataPort = 28_775;

/** What the driver works with; each change is a step from one set of ports to another. */
interface Host {
  readonly options: LinuxNetworkOptions;
  readonly ruleset: RulesetOptions;
  readonly notes: PortNotes;
  readonly dhcp: DhcpServers;
  readonly portDevice: PortDevice;
  readonly runDir: string;
  ports: ReadonlyMap<Uuid, PortSpec>;
  /** Whether our tables are known to hold what `ports` says. */
  rulesStand: boolean;
  readonly watchers: Set<(endpoints: readonly MetadataEndpoint[]) => void>;
}

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
    apply: (wanted) => inTurn(() => apply(host, wanted.ports)),
    refresh: (ports) => inTurn(() => refresh(host, ports)),
    async plug(port) {
      if (!isPlugged(host, port)) await change({ add: [port], remove: [] });
      return { kind: "tap", name: tapName(port.id), bridge: bridgeName(port.network.id) };
    },
    unplug: (portId) => change({ add: [], remove: [portId] }),
    list: () => inTurn(async () => [...(await readDevices(options.cloudId)).taps]),
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
      metadataPort: options.metadataPort ?? defaultMetadataPort,
    },
    notes: portNotes(join(options.stateDir, "ports")),
    dhcp: dhcpServers(options.platform, runDir),
    portDevice: options.portDevice ?? ((name) => [`tuntap add dev ${name} mode tap${user}`]),
    ports: new Map(),
    rulesStand: false,
    watchers: new Set(),
  };
}

/**
 * Goes on where an earlier process ended. After a restart of the machine all is made anew; a network that no
 * longer can be does not keep the others, nor the cloud, from starting.
 */
async function takeUp(host: Host): Promise<void> {
  await assertAble();
  const ports = await host.notes.load();
  if (ports.length === 0) return;
  host.ports = new Map(ports.map((port) => [port.id, port]));
  const { log } = host.options.platform;
  try {
    await apply(host, ports);
  } catch (error) {
    log.warn({ error }, "networks could not be taken up together; trying each port");
    host.ports = new Map();
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

async function apply(host: Host, wanted: readonly PortSpec[]): Promise<void> {
  const [devices, tables] = await Promise.all([
    readDevices(host.options.cloudId),
    run("nft", ["list", "tables"]),
  ]);
  const { table } = host.ruleset;
  const tableLines = tables.stdout.split("\n");
  host.rulesStand &&= ["inet", "bridge"].every((family) => tableLines.includes(`table ${family} ${table}`));
  const wantedIds = new Set(wanted.map((port) => port.id));
  const known = new Set([...host.ports.keys(), ...devices.taps]);
  const add = wanted.filter((port) => !isPlugged(host, port));
  const remove = [...known].filter((id) => !wantedIds.has(id));
  // Bridges without ports, and networks whose server died, are put right as well.
  await settleBoth(host, { add, remove, everywhere: true });
}

async function refresh(host: Host, ports: readonly PortSpec[]): Promise<void> {
  const add = ports.filter((port) => host.ports.has(port.id) && !isPlugged(host, port));
  if (add.length > 0) await settle(host, { add, remove: [] });
}

interface Change {
  readonly add: readonly PortSpec[];
  readonly remove: readonly Uuid[];
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
  const isSame = JSON.stringify(host.ports.get(port.id)) === JSON.stringify(port);
  return isSame && existsSync(`/sys/class/net/${tapName(port.id)}`);
}

async function settleBoth(host: Host, { add, remove, everywhere = false }: Change): Promise<void> {
  if (remove.length > 0) await settle(host, { add: [], remove });
  if (add.length > 0 || everywhere) await settle(host, { add, remove: [], everywhere });
}

/**
 * Either adds or removes. Rules before devices when adding and after them when removing: a tap never passes
 * what it should not.
 */
async function settle(host: Host, change: Change): Promise<void> {
  const before = host.ports;
  const after = new Map(before);
  for (const id of change.remove) after.delete(id);
  for (const port of change.add) after.set(port.id, port);
  const networks = networksOf([...after.values()]);

  await Promise.all(change.add.map((port) => host.notes.write(port)));
  // Nobody else makes or removes our devices, so what is there is read while the rules change.
  const [devices] = await Promise.all([
    readDevices(host.options.cloudId),
    change.remove.length === 0 ? changeRules(host, before, after) : null,
  ]);
  await changeDevices(host, devices, networks, change);
  if (change.remove.length > 0) await changeRules(host, before, after);
  await Promise.all(change.remove.map((id) => host.notes.remove(id)));
  await changeDhcp(host, before, after, change);
  host.ports = after;
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

type Ports = ReadonlyMap<Uuid, PortSpec>;

async function changeRules(host: Host, before: Ports, after: Ports): Promise<void> {
  const ports = [...after.values()];
  const whole = () => wholeRuleset({ networks: [...networksOf(ports).values()], ports }, host.ruleset);
  const text = host.rulesStand ? rulesChange(host.ruleset, before, after) : whole();
  if (text === "") return;
  const wereStanding = host.rulesStand;
  // Until all of the change is done: what fails later leaves rules that no longer are those of `host.ports`.
  host.rulesStand = false;
  await run("nft", ["-f", "-"], { input: text }).catch((error) => {
    if (!wereStanding) throw error;
    // Somebody changed our tables: they are made anew as a whole.
    host.options.platform.log.warn({ error }, "firewall rules were not as expected; writing all of them");
    return run("nft", ["-f", "-"], { input: whole() });
  });
}

/**
 * What differs, as one transaction: old pieces first, so that a new one may take a name or an address over.
 */
function rulesChange(ruleset: RulesetOptions, before: Ports, after: Ports): string {
  const differing = differences(before, after);
  const networksBefore = networksOf([...before.values()]);
  const networksAfter = networksOf([...after.values()]);
  const networks = differences(networksBefore, networksAfter);
  return [
    ...differing.removed.map((port) => portRemoved(port, ruleset.table)),
    ...networks.removed.map((network) => networkRemoved(network, ruleset)),
    ...networks.added.map((network) => networkAdded(network, ruleset)),
    ...differing.added.map((port) => portAdded(port, ruleset.table)),
  ]
    .filter((part) => part !== "")
    .map((part) => `${part}\n`)
    .join("");
}

/** A thing that changed is both removed as it was and added as it is. */
function differences<T>(before: ReadonlyMap<Uuid, T>, after: ReadonlyMap<Uuid, T>) {
  const same = (id: Uuid) => JSON.stringify(before.get(id)) === JSON.stringify(after.get(id));
  return {
    removed: [...before].filter(([id]) => !same(id)).map(([, thing]) => thing),
    added: [...after].filter(([id]) => !same(id)).map(([, thing]) => thing),
  };
}

async function changeDhcp(host: Host, before: Ports, after: Ports, change: Change): Promise<void> {
  const networks = networksOf([...after.values()]);
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

/** Networks live by their ports; the port that came last knows its network best. */
function networksOf(ports: readonly PortSpec[]): ReadonlyMap<Uuid, NetworkSpec> {
  return new Map(ports.map((port) => [port.network.id, port.network]));
}

function endpointsOf(host: Host): readonly MetadataEndpoint[] {
  return [...networksOf([...host.ports.values()]).values()].flatMap((network) => {
    const address = network.subnets.find((subnet) => subnet.service_address !== null)?.service_address;
    return address ? [{ networkId: network.id, address, port: host.ruleset.metadataPort }] : [];
  });
}

async function dispose(host: Host): Promise<void> {
  const devices = await readDevices(host.options.cloudId);
  await ipBatch([
    ...[...devices.taps].map((id) => removalLine(tapName(id))),
    ...[...devices.bridges.keys()].map((id) => removalLine(bridgeName(id))),
  ]);
  await host.dhcp.removeAll();
  await run("nft", ["-f", "-"], { input: `${removedRuleset(host.ruleset.table)}\n` });
  await restoreForwarding();
  await rm(host.runDir, { recursive: true, force: true });
  await host.notes.removeAll();
  await mkdir(join(host.options.stateDir, "ports"), { recursive: true, mode: 0o700 });
  host.ports = new Map();
  host.rulesStand = false;
  for (const watcher of host.watchers) watcher([]);
}
