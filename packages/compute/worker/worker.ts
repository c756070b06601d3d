// One compute host: answers the contract through its drivers, reports itself, and plugs its guests' networks
// again after a restart. It has no database; what it must remember across restarts (its id, the fences) is in
// its state directory.
import { join } from "node:path";
import type { Millis, Platform, Service } from "@micronova/kit";
import type { NetworkDriver } from "@micronova/network";
import { type FileFences, fileFences, memoryFences, type Rpc } from "@micronova/rpc";
import type { VirtDriver } from "../drivers/driver.ts";
import { computeWorkerContract } from "./contract.ts";
import { workerHandlers } from "./handlers.ts";
import { hostIdentity, identityOfName } from "./identity.ts";
import { type HostReporter, hostReporter } from "./reporter.ts";

export interface ComputeWorkerDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly host: string;
  readonly virt: VirtDriver;
  readonly network: NetworkDriver;
  /**
   * Kept across restarts: the host's id and its fences. Null for a fake host, whose guests end with the
   * process.
   */
  readonly stateDir: string | null;
  /** Shared by the hosts of one process, so that hundreds of fake hosts are one timer and one message. */
  readonly reporter?: HostReporter;
  readonly reportIntervalMs?: Millis;
}

/** How many calls a host works on at a time; calls of one server run one after another in any case. */
const callsAtOnce = 16;

export function computeWorker(deps: ComputeWorkerDeps): Service {
  const { platform, rpc, host, virt, network, stateDir } = deps;
  const ownReporter = deps.reporter === undefined ? hostReporter(deps) : null;
  const reporter = deps.reporter ?? ownReporter;
  let server: Service | null = null;
  let fences: FileFences | null = null;
  return {
    name: `compute.${host}`,
    async start() {
      await virt.start();
      if (stateDir !== null) fences = fileFences(join(stateDir, "fences"));
      const nodeId = stateDir === null ? identityOfName(host) : await hostIdentity(stateDir, platform.random);
      server = rpc.serve(computeWorkerContract, host, workerHandlers({ virt, network }), {
        fences: fences ?? memoryFences(),
        prefetch: callsAtOnce,
      });
      await server.start();
      reporter?.add({ host, nodeId, virt, network });
      await ownReporter?.start();
    },
    async stop() {
      reporter?.remove(host);
      await ownReporter?.stop();
      await server?.stop();
      await fences?.close();
      await virt.stop();
    },
  };
}
