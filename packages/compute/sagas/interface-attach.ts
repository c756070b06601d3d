// Gives a running server one more network card. The port exists already; the host plugs it and the guest sees
// it.
import type { Uuid } from "@micronova/kit";
import { portSpec, ports } from "@micronova/network";
import { saga } from "@micronova/saga";
import { unmakePort } from "../interfaces.ts";
import { computeWorkerContract } from "../worker/contract.ts";

export interface InterfaceParams {
  readonly serverId: Uuid;
  /** The server's. */
  readonly host: string;
  readonly portId: Uuid;
}

export const interfaceAttach = saga<InterfaceParams>("interface-attach")
  .remote("attach", {
    do: async ({ rpc, store }, { params }) => {
      const { serverId, host, portId } = params;
      const port = await portSpec(store.read, portId);
      return rpc.on(computeWorkerContract, host).attachPort({ serverId, port });
    },
    undo: async ({ rpc }, { params }) => {
      const { serverId, host, portId } = params;
      await rpc.on(computeWorkerContract, host).detachPort({ serverId, portId });
    },
    undoMayWait: true,
  })
  .local("note", { do: (tx, { outputs }) => ports.plugged(tx, [outputs.attach]) })
  .onUnwound((tx, { params }) => unmakePort(tx, params.portId))
  .build();
