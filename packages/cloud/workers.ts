// The workers of this machine: one real host, or as many fake ones as asked for, and one volume worker.
import { type HostReporter, hostIdentity, hostReporter, type VirtDriver } from "@micronova/compute";
import type { Platform, Service } from "@micronova/kit";
import { fakeNetworkDriver, type NetworkDriver } from "@micronova/network";
import { type FileFences, fileFences } from "@micronova/rpc";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { chooseNetwork, chooseVirt, chooseVolume, fakeVirt, realVirt } from "./drivers.ts";
import { roles, sideBySide, together } from "./roles.ts";
import type { World } from "./world.ts";

export interface HostDeps {
  readonly platform: Platform;
  readonly world: World;
  readonly config: CloudConfig;
  readonly dir: DataDir;
  /** The name of this machine, under which its workers are called. */
  readonly host: string;
}

export async function hostWorkers(deps: HostDeps): Promise<Service> {
  const { driver } = await chooseVirt(deps.config);
  const compute = driver === "fake" ? await fakeHosts(deps) : await realHost(deps);
  return sideBySide("workers", [compute, await volumeHost(deps, driver)]);
}

async function realHost(deps: HostDeps): Promise<Service> {
  const network = await chooseNetwork(deps, "qemu");
  return computeHost(deps, { host: deps.host, virt: realVirt(deps), network });
}

/** Hundreds of hosts are one timer and one message: they share a reporter. */
async function fakeHosts(deps: HostDeps): Promise<Service> {
  const reporter = hostReporter(deps.world.view({ role: "reporter", host: deps.host }));
  const hosts: Service[] = [];
  for (let n = 1; n <= deps.config.virt.fake_hosts; n++) {
    const host = `fake-${String(n).padStart(3, "0")}`;
    const drivers = { host, virt: fakeVirt(deps, host), network: fakeNetworkDriver() };
    hosts.push(await computeHost(deps, { ...drivers, reporter }));
  }
  return together("hosts", [sideBySide("hosts", hosts), reporter]);
}

interface ComputeHost {
  readonly host: string;
  readonly virt: VirtDriver;
  readonly network: NetworkDriver;
  readonly reporter?: HostReporter;
}

async function computeHost(deps: HostDeps, given: ComputeHost): Promise<Service> {
  const { world } = deps;
  const { host, ...rest } = given;
  const virt = world.driver({ host, kind: "virt" }, given.virt);
  const network = world.driver({ host, kind: "network" }, given.network);
  const { nodeId, fences } = await memoryOf(deps, host);
  const { platform, rpc } = world.view({ role: "compute", host });
  const compute = roles.compute({ ...rest, platform, rpc, host, virt, network, nodeId, fences });
  const plugging = roles.network({ ...world.view({ role: "network", host }), host, driver: network });
  // Guests that outlived the worker are plugged again as soon as it reports, so networks come first.
  return together(host, [plugging, keeping(fences, compute)]);
}

async function volumeHost(deps: HostDeps, virt: "qemu" | "fake"): Promise<Service> {
  const { world, host, dir } = deps;
  const driver = world.driver({ host, kind: "volume" }, await chooseVolume(deps, virt));
  const fences = fileFences(dir.file("volume-fences"));
  const { platform, rpc } = world.view({ role: "volume", host });
  return keeping(fences, roles.volume({ platform, rpc, host, driver, fences }));
}

/** What a compute host keeps on its disk: its id, and which calls come too late. */
async function memoryOf({ platform, dir }: HostDeps, host: string) {
  const nodeId = await hostIdentity(dir.file("hosts", host), platform.random);
  return { nodeId, fences: fileFences(dir.file("hosts", host, "fences")) };
}

/** The worker, after whose end its fences are closed. */
function keeping(fences: FileFences, worker: Service): Service {
  const file: Service = { name: "fences", start: async () => {}, stop: () => fences.close() };
  return together(worker.name, [file, worker]);
}
