// Takes a network card from a server; a port that was made for the server goes with it.
import { saga } from "@micronova/saga";
import { portSpecsOf, unmakePort } from "../interfaces.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import type { InterfaceParams } from "./interface-attach.ts";

export const interfaceDetach = saga<InterfaceParams>("interface-detach")
  .remote("detach", {
    do: async ({ rpc }, { params }) => {
      const { serverId, host, portId } = params;
      await rpc.on(computeWorkerContract, host).detachPort({ serverId, portId });
    },
    // A detachment that failed may have been done: the card stays, so the guest has it again.
    undo: async ({ rpc, store }, { params, cause }) => {
      const { serverId, host, portId } = params;
      const port = (await portSpecsOf(store.read, serverId)).find(({ id }) => id === portId);
      // A server that is being deleted needs it no more.
      if (cause?.kind === "cancelled" || port === undefined) return;
      await rpc.on(computeWorkerContract, host).attachPort({ serverId, port });
    },
    undoMayWait: true,
  })
  .local("release", { do: (tx, { params }) => unmakePort(tx, params.portId) })
  .build();
