// The workers of this machine: one real host, or as many fake ones as asked for, and one volume worker.
import { hostIdentity, hostReporter } from "@micronova/compute";
import type { Platform, Service } from "@micronova/kit";
import { fakeNetworkDriver } from "@micronova/network";
import { type FileFences, fileFences, type Rpc } from "@micronova/rpc";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { chooseNetwork, chooseVirt, chooseVolume, fakeVirt, realVirt } from "./drivers.ts";
import { roles, together } from "./roles.ts";

export interface HostDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly config: CloudConfig;
  readonly dir: DataDir;
  /** The name of this machine, under which its workers are called. */
  readonly host: string;
}

export async function hostWorkers(deps: HostDeps): Promise<readonly Service[]> {
  const { driver } = await chooseVirt(deps.config);
  const compute = driver === "fake" ? await fakeHosts(deps) : await realHost(deps);
  return [...compute, await volumeHost(deps, driver)];
}

async function realHost(deps: HostDeps): Promise<readonly Service[]> {
  const { platform, rpc, host } = deps;
  const network = await chooseNetwork(deps, "qemu");
  const { nodeId, fences } = await memoryOf(deps, host);
  return [
    roles.network({ platform, rpc, host, driver: network }),
    keeping(fences, roles.compute({ platform, rpc, host, virt: realVirt(deps), network, nodeId, fences })),
  ];
}

/** Hundreds of hosts are one timer and one message: they share a reporter. */
async function fakeHosts(deps: HostDeps): Promise<readonly Service[]> {
  const { platform, rpc, config } = deps;
  const reporter = hostReporter({ platform, rpc });
  const hosts: Service[] = [];
  for (let n = 1; n <= config.virt.fake_hosts; n++) {
    const host = `fake-${String(n).padStart(3, "0")}`;
    const network = fakeNetworkDriver();
    const virt = fakeVirt(deps, host);
    const { nodeId, fences } = await memoryOf(deps, host);
    const compute = roles.compute({ platform, rpc, host, virt, network, nodeId, fences, reporter });
    hosts.push(roles.network({ platform, rpc, host, driver: network }), keeping(fences, compute));
  }
  return [...hosts, reporter];
}

async function volumeHost(deps: HostDeps, virt: "qemu" | "fake"): Promise<Service> {
  const { platform, rpc, host, dir } = deps;
  const driver = await chooseVolume(deps, virt);
  const fences = fileFences(dir.file("volume-fences"));
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
