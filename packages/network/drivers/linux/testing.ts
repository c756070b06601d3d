// Guests without a hypervisor: each is a network namespace with a veth pair in the place of its tap.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, systemClock, systemRandom, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { NetworkDriver, PortSpec } from "../driver.ts";
import { type LinuxNetworkOptions, linuxNetworkDriver } from "./driver.ts";

/** Null when this machine can be a host; otherwise why not. */
export function whyNoLinuxHost(): string | null {
  if (process.getuid?.() !== 0) return "needs root";
  for (const program of ["ip", "nft", "dnsmasq", "busybox"]) {
    const folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    if (!folders.some((folder) => existsSync(`${folder}/${program}`))) return `needs ${program}`;
  }
  return null;
}

export interface TestHost extends AsyncDisposable {
  readonly driver: NetworkDriver;
  /** The driver as a new process would make it. */
  again(): NetworkDriver;
  /** Plugs the port and starts its guest, which asks for its address. */
  guest(port: PortSpec): Promise<Guest>;
}

export interface Guest {
  /** Runs a program in the guest; what it prints, or null when it fails. */
  run(...command: readonly string[]): Promise<string | null>;
  /** Brings the guest's card up and asks for an address, as a guest's init does; what the server said. */
  askAddress(tries?: number): Promise<Readonly<Record<string, string>> | null>;
  /** Starts what runs until the test ends. */
  start(...command: readonly string[]): void;
}

// A name of its own, since the check for unused packages takes what is spawned by name for one of npm's.
const iproute = "ip";
const namespaceOf = (portId: Uuid) => `mnova-${portId.slice(0, 8)}`;

export async function testHost(over: Partial<LinuxNetworkOptions> = {}): Promise<TestHost> {
  const stateDir = await mkdtemp(join(tmpdir(), "micronova-network-"));
  const platform = { ...testPlatform(), clock: systemClock, random: systemRandom };
  const namespaces = new Set<string>();
  const running: (() => void)[] = [];
  const options: LinuxNetworkOptions = {
    platform,
    cloudId: systemRandom.uuid(),
    stateDir,
    portDevice: (name, port) => {
      const peer = `type veth peer name eth0 netns ${namespaceOf(port.id)} address ${port.mac_address}`;
      return [`link add dev ${name} ${peer}`];
    },
    ...over,
  };
  // udhcpc hands the answer to a script, as variables.
  const dhcpScript = join(stateDir, "dhcp-script");
  await writeFile(dhcpScript, "#!/bin/sh\nexec env\n", { mode: 0o755 });
  const driver = linuxNetworkDriver(options);
  await driver.start();
  return {
    driver,
    again: () => linuxNetworkDriver(options),
    async guest(port) {
      const namespace = namespaceOf(port.id);
      namespaces.add(namespace);
      await run("ip", ["netns", "add", namespace]);
      await driver.plug(port);
      return guestIn(namespace, dhcpScript, running);
    },
    async [Symbol.asyncDispose]() {
      for (const stop of running) stop();
      await driver.dispose();
      for (const namespace of namespaces) await run("ip", ["netns", "delete", namespace]);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

function guestIn(namespace: string, dhcpScript: string, running: (() => void)[]): Guest {
  const inside = (command: readonly string[]) => ["netns", "exec", namespace, ...command];
  async function runInside(...command: readonly string[]): Promise<string | null> {
    const result = await run("ip", inside(command), { timeoutMs: 10_000 }).catch(() => null);
    return result === null ? null : result.stdout;
  }
  return {
    run: runInside,
    async askAddress(tries = 3) {
      await runInside("ip", "link", "set", "dev", "eth0", "up");
      const once = ["-f", "-n", "-q", "-t", String(tries), "-T", "1", "-O", "26", "-O", "121"];
      const said = await runInside("busybox", "udhcpc", "-i", "eth0", "-s", dhcpScript, ...once);
      if (said === null || !said.includes("\nip=")) return null;
      const lease = Object.fromEntries(
        said.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
      await runInside("ip", "address", "replace", `${lease["ip"]}/${lease["mask"]}`, "dev", "eth0");
      await runInside("ip", "route", "replace", "default", "via", lease["router"] ?? "");
      return lease;
    },
    start(...command) {
      const child = spawn(iproute, inside(command), { stdio: "ignore" });
      running.push(() => child.kill("SIGKILL"));
    },
  };
}

/** Everything of the host's network that a cloud could leave changed. */
export async function hostSnapshot(): Promise<string> {
  const [addresses, routes, rules, ruleset, neighbours] = await Promise.all([
    run("ip", ["-o", "address"]),
    run("ip", ["route", "show", "table", "all"]),
    run("ip", ["rule"]),
    run("nft", ["list", "ruleset"]),
    run("ip", ["neighbour", "show", "proxy"]),
  ]);
  const forwarding = await Promise.all(
    ["ip_forward", "conf/all/forwarding", "conf/default/forwarding"].map((name) =>
      readFile(`/proc/sys/net/ipv4/${name}`, "utf8"),
    ),
  );
  const parts = [addresses, routes, rules, ruleset, neighbours].map(({ stdout }) => stdout);
  return [...parts, ...forwarding].join("\n---\n");
}
