// `micronova status`: whether the cloud runs, what it holds, and what is not as it must be.
import { ApiError, type Client, type Json } from "@micronova/client";
import { reachCloud } from "../running-cloud.ts";

export async function status(options: { readonly dataDir: string }): Promise<void> {
  const { dataDir, pid, authUrl, client } = await reachCloud(options);
  const [{ services }, { hypervisor_statistics: hosts }, { servers }, { findings }, faults] =
    await Promise.all([
      client.call("compute", "/os-services"),
      client.call("compute", "/os-hypervisors/statistics"),
      client.call("compute", "/servers?all_tenants=1"),
      client.call("operations", "/doctor?hosts=false"),
      faultsOf(client),
    ]);
  const lines = [
    `The cloud in ${dataDir} runs (process ${pid}).`,
    `  API       ${authUrl}`,
    ...serviceLines(services, findings),
    `  hosts     ${hosts.count}: ${hosts.vcpus_used} of ${hosts.vcpus} vCPUs, ` +
      `${hosts.memory_mb_used} of ${hosts.memory_mb} MB of memory in use`,
    `  servers   ${servers.length}`,
    ...(findings.length === 0
      ? []
      : [`  doctor    ${findings.length} not as it must be; see \`micronova doctor\``]),
    ...faultLines(faults),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** A service that is deaf counts as down, and has a sentence of its own. */
function serviceLines(services: readonly Json[], findings: readonly Json[]): readonly string[] {
  const about = new Map(
    findings
      .filter(({ subject }) => subject.kind === "service")
      .map(({ subject, text }) => [subject.id, text]),
  );
  const down = services.filter(({ state }) => state !== "up");
  const said = down.map(
    ({ binary, host }) => about.get(`${binary}.${host}`) ?? `${binary} on ${host} is down`,
  );
  return [
    `  services  ${services.length - down.length} of ${services.length} up`,
    ...said.map((text) => `            ${text}`),
  ];
}

/** Null in a cloud that does not fail on purpose. */
async function faultsOf(client: Client): Promise<Json> {
  try {
    return await client.call("operations", "/faults");
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function faultLines(faults: Json): readonly string[] {
  if (faults === null) return [];
  const active = faults.rules.filter(({ is_over }: Json) => !is_over).length;
  return [
    `  faults    ON, seed ${faults.seed}: this cloud fails on purpose, by ${active} rule${active === 1 ? "" : "s"} ` +
      "(micronova fault list)",
  ];
}
