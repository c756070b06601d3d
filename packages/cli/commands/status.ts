// `micronova status`: whether the cloud runs, and what it holds.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connect } from "@micronova/client";
import { runningPid } from "@micronova/cloud";
import { cliErrors } from "../errors.ts";
import { readOpenrc } from "../openrc.ts";

export async function status(options: { readonly dataDir: string }): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const openrc = join(dataDir, "openrc");
  if (!existsSync(openrc)) throw cliErrors.noCloud(dataDir);
  const pid = runningPid(dataDir);
  if (pid === null) throw cliErrors.notRunning(dataDir);
  const credentials = readOpenrc(readFileSync(openrc, "utf8"));
  const client = await connect(credentials);
  const [{ services }, { hypervisor_statistics: hosts }, { servers }] = await Promise.all([
    client.call("compute", "/os-services"),
    client.call("compute", "/os-hypervisors/statistics"),
    client.call("compute", "/servers?all_tenants=1"),
  ]);
  const down = services.filter((service: { state: string }) => service.state !== "up");
  const lines = [
    `The cloud in ${dataDir} runs (process ${pid}).`,
    `  API       ${credentials.authUrl}`,
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
