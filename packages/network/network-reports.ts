// The conductor's half of the conversation with network hosts: it writes down what they report, names what
// should not be there, and tells them when rules changed. Rules are looked for by a scan, so that a change
// survives any crash.
import { isFault, type Millis, type Platform, periodic, type Service, systemContext } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import type { Store, Tx } from "@micronova/store";
import { recordAgent, rulesApplied, staleAgents } from "./agents.ts";
import { hostNetwork } from "./port-specs.ts";
import type { NetworkAgent } from "./tables.ts";
import { type HostReport, networkReportsContract, networkWorkerContract } from "./worker/contract.ts";

export interface NetworkReportsDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly rpc: Rpc;
}

// How long a changed rule waits at most before hosts are told. One small query.
const scanEveryMs: Millis = 500;

export function networkReports(deps: NetworkReportsDeps): Service {
  const { platform, store, rpc } = deps;
  const server = rpc.serve(networkReportsContract, null, {
    async report_host(report) {
      return { orphans: await store.transaction((tx) => record(tx, report)) };
    },
  });
  const scan = periodic({
    platform,
    name: "rules-scan",
    everyMs: scanEveryMs,
    work: () => tellStale(deps),
  });
  return {
    name: "network-reports",
    async start() {
      await server.start();
      await scan.start();
    },
    async stop() {
      await scan.stop();
      await server.stop();
    },
  };
}

async function record(tx: Tx, report: HostReport): Promise<readonly string[]> {
  const { portIds, tunnel, ...said } = report;
  const { address: tunnelAddress, fault: tunnelFault } = tunnel;
  await recordAgent(tx, { ...said, tunnelAddress, tunnelFault, ports: portIds.length });
  if (portIds.length === 0) return [];
  const rows = await tx
    .selectFrom("ports")
    .select("id")
    .where("id", "in", portIds)
    .where("binding_host", "=", report.host)
    .execute();
  const owned = new Set(rows.map(({ id }) => id));
  return portIds.filter((id) => !owned.has(id));
}

async function tellStale(deps: NetworkReportsDeps): Promise<void> {
  // Side by side: one that is away must not keep the others waiting.
  const stale = await staleAgents(deps.store.read);
  await Promise.all(stale.map((agent) => refresh(deps, agent)));
}

/** What changes meanwhile raises the counter again, so that the next scan finds the host. */
async function refresh({ platform, store, rpc }: NetworkReportsDeps, agent: NetworkAgent): Promise<void> {
  const { host, rules_wanted } = agent;
  const context = systemContext(platform.random.uuid());
  try {
    await rpc.on(networkWorkerContract, host, { context }).refresh(await hostNetwork(store.read, host));
    await store.transaction((tx) => rulesApplied(tx, host, rules_wanted));
  } catch (error) {
    if (!isFault(error)) throw error;
    platform.log.warn({ host, error: error.message }, "host could not be told of changed rules");
  }
}
