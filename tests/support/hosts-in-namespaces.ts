// Several hosts on this machine: each has a network, a host name and a /run of its own, and is on a wire that
// this machine is on as well. A sleeping process holds each host; whatever runs there shares its host name's
// namespace, by which it is found and ended. Needs root. Removing leaves nothing behind.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { run, systemRandom } from "@micronova/kit";

export interface Host {
  readonly name: string;
  /** On the wire. */
  readonly address: string;
  /** The process that holds it. */
  readonly pid: number;
  /** Its namespace of host names, as /proc shows it. */
  readonly mark: string;
}

export interface Hosts {
  readonly hosts: readonly Host[];
  /** The wire itself: a bridge in a namespace of its own, which has a port for each host and this machine. */
  readonly wire: Host;
  /** This machine's card and address on the wire. */
  readonly device: string;
  readonly address: string;
}

export interface HostsWish {
  readonly names: readonly string[];
  /** The first three numbers of the wire's addresses. Default: some of 10. */
  readonly prefix?: string;
  /** Whether they go on without the process that makes them. */
  readonly outlive?: boolean;
}

const bridge = "wire";
// A name of its own, since the check for unused packages takes what is spawned by name for one of npm's.
const setpriv = "setpriv";
// Ten seconds: a guest of many megabytes takes its time to end.
const roundsMax = 1_000;
const roundMs = 10;
const thisMachine = 254;

export async function makeHosts(wish: HostsWish): Promise<Hosts> {
  const { names, prefix = somePrefix(), outlive = false } = wish;
  const wire = await hold({ name: "wire", address: "" }, outlive);
  const made: Host[] = [wire];
  const device = `mnw${prefix.split(".").slice(1).join("x")}`;
  const address = `${prefix}.${thisMachine}`;
  try {
    await run(...on(wire, "ip", "link", "add", bridge, "type", "bridge"));
    await run(...on(wire, "ip", "link", "set", bridge, "up"));
    await run("ip", [
      "link",
      "add",
      device,
      "type",
      "veth",
      "peer",
      "name",
      "machine",
      "netns",
      String(wire.pid),
    ]);
    await run("ip", ["address", "add", `${address}/24`, "dev", device]);
    await run("ip", ["link", "set", device, "up"]);
    await plugIn(wire, "machine");
    for (const [at, name] of names.entries()) {
      const host = await hold({ name, address: `${prefix}.${at + 1}` }, outlive);
      made.push(host);
      const toWire = ["peer", "name", "eth0", "netns", String(host.pid)];
      await run(...on(wire, "ip", "link", "add", name, "type", "veth", ...toWire));
      await plugIn(wire, name);
      await run(...on(host, "ip", "address", "add", `${host.address}/24`, "dev", "eth0"));
      // Without an address of IPv6, which would be tentative for a second.
      await run(...on(host, "ip", "link", "set", "eth0", "addrgenmode", "none", "up"));
      await run(...on(host, "ip", "route", "add", "default", "via", address));
    }
  } catch (error) {
    for (const host of made) await powerOff(host);
    throw error;
  }
  return { hosts: made.slice(1), wire, device, address };
}

export async function removeHosts({ hosts, wire, device }: Hosts): Promise<void> {
  // Gone already where the wire's holder was ended by somebody else.
  await run("ip", ["link", "delete", "dev", device]).catch(() => undefined);
  for (const host of [...hosts, wire]) await powerOff(host);
}

/** Whether the wire and every host are there. */
export const isUp = ({ hosts, wire }: Hosts): boolean =>
  [...hosts, wire].every(({ pid, mark }) => markOf(pid) === mark);

/** The hosts of one test. */
export async function hostsInNamespaces(...names: readonly string[]): Promise<Hosts & AsyncDisposable> {
  const made = await makeHosts({ names });
  return { ...made, [Symbol.asyncDispose]: () => removeHosts(made) };
}

/** Why this machine cannot have hosts, or null. */
export const whyNoHosts = (): string | null => (process.getuid?.() === 0 ? null : "needs root");

/** How a command is run on a host: the program, and its arguments. */
export function on(host: Host, ...command: readonly string[]): [string, readonly string[]] {
  const namespaces = ["--net", "--mount", "--uts"];
  return ["nsenter", ["--target", String(host.pid), ...namespaces, ...command]];
}

/** Cuts a host off the wire, or puts it back on. */
export async function setLink({ wire }: Hosts, host: Host, state: "up" | "down"): Promise<void> {
  await run(...on(wire, "ip", "link", "set", host.name, state));
}

/** Everything on the host ends at once; what it had in its network is gone. */
export async function powerOff({ mark }: Host): Promise<void> {
  // Some may be started while others are ended, and nobody tells when the last is gone.
  for (let round = 0; round < roundsMax; round++) {
    const pids = processesIn(mark);
    if (pids.length === 0) return;
    for (const pid of pids) end(pid);
    await setTimeout(roundMs);
  }
  throw new Error(`processes ${processesIn(mark).join(", ")} were killed and do not end`);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended by itself. `kill` throws errors with a code.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function processesIn(mark: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && markOf(pid) === mark);
}

function markOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/uts`);
  } catch {
    // It has ended: nobody's.
    return null;
  }
}

async function plugIn(wire: Host, port: string): Promise<void> {
  await run(...on(wire, "ip", "link", "set", port, "master", bridge, "up"));
}

/** A process that sleeps in namespaces of its own. */
async function hold({ name, address }: Pick<Host, "name" | "address">, outlive: boolean): Promise<Host> {
  const prepare = [
    "mount --make-rprivate /",
    "mount -t tmpfs -o mode=755 run /run",
    "mount -t sysfs sysfs /sys",
    "ip link set lo up",
    `hostname ${name}`,
    "echo ready",
    "exec sleep infinity",
  ];
  const command = ["unshare", "--net", "--mount", "--uts", "sh", "-c", prepare.join(" && ")];
  const bound = outlive ? [] : ["--pdeathsig", "KILL"];
  const child = spawn(setpriv, [...bound, ...command], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await Promise.race([once(child.stdout, "data"), once(child, "exit").then(failed)]);
  child.stdout.destroy();
  child.unref();
  const pid = child.pid!;
  const mark = markOf(pid);
  if (mark === null || mark === markOf(process.pid))
    throw new Error(`host ${name} has no namespaces of its own`);
  return { name, address, pid, mark };
}

function failed(): never {
  throw new Error("namespaces could not be made; are root, unshare, mount and ip there?");
}

/** Beyond the tens and hundreds that people take first. */
function somePrefix(): string {
  return `10.${120 + systemRandom.int(120)}.${1 + systemRandom.int(250)}`;
}
