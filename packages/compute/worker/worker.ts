// One compute host: answers the contract through its drivers, reports itself, and plugs its guests' networks
// again after a restart. It has no database; what it must remember across restarts (its id, the fences) is
// given to it.
import type { ImageCache } from "@micronova/image/host";
import type { Millis, Platform, Service, Uuid } from "@micronova/kit";
import type { NetworkDriver } from "@micronova/network";
import type { FenceStore, Rpc } from "@micronova/rpc";
import type { VirtDriver } from "../drivers/driver.ts";
import { computeWorkerContract } from "./contract.ts";
import { workerHandlers } from "./handlers.ts";
import { identityOfName } from "./identity.ts";
import { type HostReporter, hostReporter } from "./reporter.ts";

export interface ComputeWorkerDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly host: string;
  readonly virt: VirtDriver;
  readonly network: NetworkDriver;
  /** The host's id; made from its name when there is no place to keep one. */
  readonly nodeId?: Uuid;
  /** Remembers across restarts which calls come too late. */
  readonly fences?: FenceStore;
  /** Fetches the images of servers; without it they lie where the calls say. */
  readonly images?: ImageCache;
  /** Shared by the hosts of one process, so that hundreds of fake hosts are one timer and one message. */
  readonly reporter?: HostReporter;
  readonly reportIntervalMs?: Millis;
}

/** How many calls a host works on at a time; calls of one server run one after another in any case. */
const callsAtOnce = 16;
/** How many it takes: those that wait are said to. */
const callsTakenMax = 1_000;

export function computeWorker(deps: ComputeWorkerDeps): Service {
  const { rpc, host, virt, network, fences } = deps;
  const nodeId = deps.nodeId ?? identityOfName(host);
  const ownReporter = deps.reporter === undefined ? hostReporter(deps) : null;
  const reporter = deps.reporter ?? ownReporter;
  const server = rpc.serve(
    computeWorkerContract,
    host,
    workerHandlers({ virt, network, images: deps.images ?? null }),
    {
      prefetch: callsTakenMax,
      atOnce: callsAtOnce,
      ...(fences === undefined ? {} : { fences }),
    },
  );
  return {
    name: `compute.${host}`,
    async start() {
      await virt.start();
      await server.start();
      reporter?.add({ host, nodeId, virt, network });
      await ownReporter?.start();
    },
    async stop() {
      reporter?.remove(host);
      await ownReporter?.stop();
      await server.stop();
      await virt.stop();
    },
  };
}
