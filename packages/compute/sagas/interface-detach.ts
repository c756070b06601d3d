// Takes a network card from a server; a port that was made for the server goes with it.
import { saga } from "@micronova/saga";
import { unmakePort } from "../interfaces.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import type { InterfaceParams } from "./interface-attach.ts";

export const interfaceDetach = saga<InterfaceParams>("interface-detach")
  .remote("detach", {
    do: async ({ rpc }, { params }) => {
      const { serverId, host, portId } = params;
      await rpc.on(computeWorkerContract, host).detachPort({ serverId, portId });
    },
  })
  .local("release", { do: (tx, { params }) => unmakePort(tx, params.portId) })
  .build();
