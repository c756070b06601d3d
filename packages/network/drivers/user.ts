// Networks without root: QEMU's user networking inside each guest's process, with one port of 127.0.0.1
// forwarded to the guest's port 22. The host's own network is not touched. Forwarded ports are kept on disk,
// so that a guest that outlives the cloud's process keeps the address its user knows.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Platform, Uuid } from "@micronova/kit";
import { type NetworkDriver, noTunnel, type Plug, type PortSpec } from "./driver.ts";
import { driverErrors } from "./errors.ts";
import { lane } from "./lane.ts";

export interface UserNetworkOptions {
  readonly platform: Platform;
  readonly stateDir: string;
}

// Below Linux's ephemeral ports (32768 and up), so that no outgoing connection takes a guest's port
// meanwhile.
const firstPort = 22_000;
const lastPort = 29_999;
// What QEMU uses when it is told nothing; for ports without an IPv4 address.
const defaultNet = { cidr: "10.0.2.0/24", address: "10.0.2.15" };

type SshPorts = Record<Uuid, number>;

export function userNetworkDriver({ platform, stateDir }: UserNetworkOptions): NetworkDriver {
  const path = join(stateDir, "user-ports.json");
  const inTurn = lane();
  let sshPorts: SshPorts = {};

  async function save(next: SshPorts): Promise<void> {
    await mkdir(stateDir, { recursive: true });
    await writeFile(`${path}.new`, JSON.stringify(next), { mode: 0o600 });
    await rename(`${path}.new`, path);
    sshPorts = next;
  }

  async function plug(port: PortSpec): Promise<Plug> {
    const known = sshPorts[port.id];
    const sshPort = known ?? (await freePort(platform, new Set(Object.values(sshPorts))));
    if (known === undefined) await save({ ...sshPorts, [port.id]: sshPort });
    return { kind: "user", sshPort, ...netOf(port) };
  }

  async function keepOnly(ids: ReadonlySet<Uuid>): Promise<void> {
    const kept = Object.entries(sshPorts).filter(([id]) => ids.has(id));
    if (kept.length < Object.keys(sshPorts).length) await save(Object.fromEntries(kept));
  }

  return {
    name: "user",
    metadata: null,
    start: () =>
      inTurn(async () => {
        sshPorts = await load(path);
      }),
    async stop() {},
    dispose: () =>
      inTurn(async () => {
        sshPorts = {};
        await rm(path, { force: true });
      }),
    apply: (wanted) =>
      inTurn(async () => {
        await keepOnly(new Set(wanted.ports.map((port) => port.id)));
        for (const port of wanted.ports) await plug(port);
      }),
    // A forwarded port is all there is, and stays as it is.
    refresh: async () => {},
    plug: (port) => inTurn(() => plug(port)),
    unplug: (portId) =>
      inTurn(() => keepOnly(new Set(Object.keys(sshPorts).filter((other) => other !== portId)))),
    list: () => inTurn(async () => Object.keys(sshPorts)),
    tunnel: async () => noTunnel,
  };
}

function netOf(port: PortSpec): { readonly cidr: string; readonly address: string } {
  for (const { subnet_id, ip_address } of port.fixed_ips) {
    const subnet = port.network.subnets.find(({ id, ip_version }) => id === subnet_id && ip_version === 4);
    if (subnet !== undefined) return { cidr: subnet.cidr, address: ip_address };
  }
  return defaultNet;
}

async function load(path: string): Promise<SshPorts> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  return JSON.parse(text);
}

/** Starts at a random port, since two clouds on one machine look for free ports at the same time. */
async function freePort(platform: Platform, taken: ReadonlySet<number>): Promise<number> {
  const count = lastPort - firstPort + 1;
  const start = platform.random.int(count);
  for (let step = 0; step < count; step++) {
    const port = firstPort + ((start + step) % count);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw driverErrors.noFreePort(firstPort, lastPort);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host: "127.0.0.1", port }, () => probe.close(() => resolve(true)));
  });
}
