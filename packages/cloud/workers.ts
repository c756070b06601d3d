// The workers of this machine: one real host, or as many fake ones as asked for, and one volume worker.
import { computeWorker, hostReporter } from "@micronova/compute";
import type { Service } from "@micronova/kit";
import { fakeNetworkDriver, networkWorker } from "@micronova/network";
import { fileFences } from "@micronova/rpc";
import { volumeWorker } from "@micronova/volume";
import { chooseNetwork, chooseVirt, chooseVolume, fakeVirt, realVirt } from "./drivers.ts";
import type { Assembly } from "./serve.ts";

export async function hostWorkers(assembly: Assembly): Promise<readonly Service[]> {
  const { driver } = await chooseVirt(assembly.config);
  const compute = driver === "fake" ? fakeHosts(assembly) : await realHost(assembly);
  return [...compute, await volumeHost(assembly, driver)];
}

async function realHost(assembly: Assembly): Promise<readonly Service[]> {
  const { platform, rpc, host, dir } = assembly;
  const network = await chooseNetwork(assembly, "qemu");
  return [
    networkWorker({ platform, rpc, host, driver: network }),
    computeWorker({
      platform,
      rpc,
      host,
      virt: realVirt(assembly),
      network,
      stateDir: dir.file("hosts", host),
    }),
  ];
}

/** Hundreds of hosts are one timer and one message: they share a reporter. */
function fakeHosts(assembly: Assembly): readonly Service[] {
  const { platform, rpc, config, dir } = assembly;
  const reporter = hostReporter({ platform, rpc });
  const names = Array.from(
    { length: config.virt.fake_hosts },
    (_, n) => `fake-${String(n + 1).padStart(3, "0")}`,
  );
  const hosts = names.flatMap((host) => {
    const network = fakeNetworkDriver();
    const virt = fakeVirt(assembly, host);
    return [
      networkWorker({ platform, rpc, host, driver: network }),
      computeWorker({ platform, rpc, host, virt, network, stateDir: dir.file("hosts", host), reporter }),
    ];
  });
  return [...hosts, reporter];
}

async function volumeHost(assembly: Assembly, virt: "qemu" | "fake"): Promise<Service> {
  const { platform, rpc, host, dir } = assembly;
  const driver = await chooseVolume(assembly, virt);
  const fences = await fileFences(dir.file("volume-fences"));
  return volumeWorker({ platform, rpc, host, driver, fences });
}
