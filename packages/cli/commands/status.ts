// `micronova status`: whether the cloud runs, and what it holds.
import { reachCloud } from "../running-cloud.ts";

export async function status(options: { readonly dataDir: string }): Promise<void> {
  const { dataDir, pid, authUrl, client } = await reachCloud(options);
  const [{ services }, { hypervisor_statistics: hosts }, { servers }] = await Promise.all([
    client.call("compute", "/os-services"),
    client.call("compute", "/os-hypervisors/statistics"),
    client.call("compute", "/servers?all_tenants=1"),
  ]);
  const down = services.filter((service: { state: string }) => service.state !== "up");
  const lines = [
    `The cloud in ${dataDir} runs (process ${pid}).`,
    `  API       ${authUrl}`,
    `  services  ${services.length - down.length} of ${services.length} up`,
    ...down.map(
      (service: { binary: string; host: string }) =>
        `            ${service.binary} on ${service.host} is down`,
    ),
    `  hosts     ${hosts.count}: ${hosts.vcpus_used} of ${hosts.vcpus} vCPUs, ` +
      `${hosts.memory_mb_used} of ${hosts.memory_mb} MB of memory in use`,
    `  servers   ${servers.length}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
