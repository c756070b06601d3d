// One dnsmasq a network: it gives each known MAC its address, and answers names. It outlives the cloud's
// process and is found again by its pid file, held against /proc since pids are used again. It drops root, so
// its files lie outside the cloud's private folder; they hold nothing secret. No leases are kept on disk:
// every address is a port's. In its memory dnsmasq keeps them, and refuses an address it has given to another
// MAC; an address that goes on to a new port therefore needs a new dnsmasq.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Platform, run, type Uuid } from "@micronova/kit";
import { formatIpv4, netmask, parsePrefix } from "../../addresses/ipv4.ts";
import type { NetworkSpec, PortSpec, SubnetSpec } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { bridgeName } from "./names.ts";

export interface DhcpServers {
  /** Starts the network's server or lets it read its hosts again; removes it when no subnet wants one. */
  serve(network: NetworkSpec, ports: readonly PortSpec[]): Promise<void>;
  remove(networkId: Uuid): Promise<void>;
  /** All that this cloud has, whether it knows their networks or not. */
  removeAll(): Promise<void>;
}

// A guest asks again at half of it; Neutron's default.
const leaseSeconds = 86_400;
const endsWithinMs = 2_000;
const endPollMs = 5;
// dnsmasq's own default is 150 names; guests install packages.
const cachedNames = 1_000;

export function dhcpServers(platform: Platform, runDir: string): DhcpServers {
  const folder = (networkId: Uuid) => join(runDir, "dhcp", networkId);

  async function remove(networkId: Uuid): Promise<void> {
    const pid = await runningPid(folder(networkId));
    if (pid !== null) await end(platform, pid);
    await rm(folder(networkId), { recursive: true, force: true });
  }

  return {
    async serve(network, ports) {
      const subnets = network.subnets.filter(isServed);
      if (subnets.length === 0) return remove(network.id);
      const dir = folder(network.id);
      await mkdir(dir, { recursive: true, mode: 0o755 });
      const wanted = dnsmasqArguments(network, subnets, dir);
      const before = await readIfThere(join(dir, "arguments"));
      const given = await readGiven(dir);
      const hosts = macsByAddress(ports);
      await replace(join(dir, "hosts"), dhcpHosts(ports));
      await replace(join(dir, "names"), nameLines(network, ports));
      const pid = await runningPid(dir);
      const goesOn = pid !== null && before === wanted.join("\n") && !movesAddress(given, hosts);
      await replace(join(dir, "given"), JSON.stringify(goesOn ? { ...given, ...hosts } : hosts));
      if (goesOn) return signal(pid, "SIGHUP");
      if (pid !== null) await end(platform, pid);
      await replace(join(dir, "arguments"), wanted.join("\n"));
      await run("dnsmasq", wanted);
    },
    remove,
    async removeAll() {
      for (const networkId of await foldersIn(join(runDir, "dhcp"))) await remove(networkId);
    },
  };
}

type MacsByAddress = Readonly<Record<string, string>>;

const macsByAddress = (ports: readonly PortSpec[]): MacsByAddress =>
  Object.fromEntries(ports.flatMap((port) => ipv4Of(port).map((address) => [address, port.mac_address])));

/** What the running dnsmasq may have given out since its start. */
async function readGiven(dir: string): Promise<MacsByAddress> {
  return JSON.parse((await readIfThere(join(dir, "given"))) ?? "{}");
}

const movesAddress = (given: MacsByAddress, hosts: MacsByAddress): boolean =>
  Object.entries(hosts).some(([address, mac]) => given[address] !== undefined && given[address] !== mac);

const isServed = (subnet: SubnetSpec) =>
  subnet.enable_dhcp && subnet.ip_version === 4 && subnet.service_address !== null;

function dnsmasqArguments(
  network: NetworkSpec,
  subnets: readonly SubnetSpec[],
  dir: string,
): readonly string[] {
  const domain = network.dnsDomain.replace(/\.$/, "");
  return [
    "--conf-file=/dev/null",
    `--pid-file=${join(dir, "pid")}`,
    `--interface=${bridgeName(network.id)}`,
    "--except-interface=lo",
    "--bind-interfaces",
    "--no-hosts",
    "--domain-needed",
    "--bogus-priv",
    ...(network.nat ? [] : ["--no-resolv"]),
    `--cache-size=${cachedNames}`,
    ...(domain === "" ? [] : [`--domain=${domain}`, `--local=/${domain}/`]),
    `--addn-hosts=${join(dir, "names")}`,
    `--dhcp-hostsfile=${join(dir, "hosts")}`,
    "--leasefile-ro",
    "--dhcp-authoritative",
    "--dhcp-ignore=tag:!known",
    "--no-ping",
    "--quiet-dhcp",
    ...subnets.flatMap((subnet, at) => subnetArguments(network, subnet, `subnet${at}`)),
  ];
}

function subnetArguments(network: NetworkSpec, subnet: SubnetSpec, tag: string): readonly string[] {
  const prefix = parsePrefix(subnet.cidr)!;
  const option = (name: string, ...values: readonly string[]) =>
    `--dhcp-option=tag:${tag},${[name, ...values].join(",")}`;
  const { gateway_ip: gateway, service_address: service } = subnet;
  // Guests that take classless routes ignore the router option, so the default route stands in both.
  const routes = [
    { destination: "169.254.169.254/32", nexthop: service! },
    ...subnet.host_routes,
    ...(gateway === null ? [] : [{ destination: "0.0.0.0/0", nexthop: gateway }]),
  ];
  const range = [
    `set:${tag}`,
    formatIpv4(prefix.first),
    "static",
    netmask(prefix.length),
    `${leaseSeconds}s`,
  ];
  return [
    `--dhcp-range=${range.join(",")}`,
    option("option:router", ...(gateway === null ? [] : [gateway])),
    option("option:classless-static-route", ...routes.flatMap((route) => [route.destination, route.nexthop])),
    option("option:mtu", String(network.mtu)),
    ...(subnet.dns_nameservers.length === 0 ? [] : [option("option:dns-server", ...subnet.dns_nameservers)]),
  ];
}

function dhcpHosts(ports: readonly PortSpec[]): string {
  return lines(
    ports.flatMap((port) =>
      ipv4Of(port).map((address) => [port.mac_address, address, hostnameOf(port)].filter(Boolean).join(",")),
    ),
  );
}

function nameLines(network: NetworkSpec, ports: readonly PortSpec[]): string {
  const domain = network.dnsDomain.replace(/\.$/, "");
  return lines(
    ports.flatMap((port) => {
      const host = hostnameOf(port);
      if (host === null) return [];
      return ipv4Of(port).map((address) => `${address} ${domain === "" ? "" : `${host}.${domain} `}${host}`);
    }),
  );
}

const ipv4Of = (port: PortSpec) =>
  port.fixed_ips.map(({ ip_address }) => ip_address).filter((address) => !address.includes(":"));

/** Null when the name is no host name: the files' fields are told apart by commas and blanks. */
function hostnameOf(port: PortSpec): string | null {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(port.hostname) ? port.hostname : null;
}

const lines = (items: readonly string[]) => items.map((item) => `${item}\n`).join("");

/** At once or not at all: dnsmasq may read at any moment. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o644 });
  await rename(`${path}.new`, path);
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ESRCH") return null;
    throw error;
  });
}

async function foldersIn(dir: string): Promise<readonly string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

async function runningPid(dir: string): Promise<number | null> {
  const text = await readIfThere(join(dir, "pid"));
  const pid = Number.parseInt(text ?? "", 10);
  return Number.isInteger(pid) && pid > 1 && (await isServer(pid, dir)) ? pid : null;
}

/** Whether the process is this folder's dnsmasq. */
async function isServer(pid: number, dir: string): Promise<boolean> {
  const command = await readIfThere(`/proc/${pid}/cmdline`);
  return command?.split("\0").includes(`--pid-file=${join(dir, "pid")}`) ?? false;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended meanwhile, which whoever looks next repairs. `kill` throws errors with a code.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Killed, since it keeps nothing that it would have to write; it has ended when its sockets are free. */
async function end(platform: Platform, pid: number): Promise<void> {
  signal(pid, "SIGKILL");
  for (let waited = 0; waited < endsWithinMs; waited += endPollMs) {
    if (!(await isAlive(pid))) return;
    await platform.clock.sleep(endPollMs);
  }
  throw driverErrors.stuckServer(pid);
}

/** A process loses its command line before its sockets; those are gone when it is a zombie or no more. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  return stat !== null && !/\) [ZX] /.test(stat);
}
