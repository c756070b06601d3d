// The network of a host as the compute worker beside it sees it when the two are processes of their own: one
// process alone holds the host's bridges and taps, and the other asks it by way of the bus.
import { type Platform, systemContext } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import { type NetworkDriver, noTunnel } from "../drivers/driver.ts";
import { networkWorkerContract } from "./contract.ts";

export interface NeighbourOptions {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly host: string;
}

/** What the network worker of the same host does, whichever driver it has. */
export function neighbourNetwork({ platform, rpc, host }: NeighbourOptions): NetworkDriver {
  const worker = () =>
    rpc.on(networkWorkerContract, host, { context: systemContext(platform.random.uuid()) });
  return {
    name: "neighbour",
    // The neighbour listens for guests itself.
    metadata: null,
    async start() {},
    async stop() {},
    async dispose() {},
    apply: (wanted) => worker().apply(wanted),
    refresh: (wanted) => worker().refresh(wanted),
    plug: (port) => worker().plug({ port }),
    unplug: (portId) => worker().unplug({ portId }),
    list: async () => (await worker().list({})).portIds,
    // The neighbour reports its own.
    tunnel: async () => noTunnel,
  };
}
