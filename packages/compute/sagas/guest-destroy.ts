// Ends a guest on a host where its server is not. Whoever starts it has proof that the server is this cloud's
// and lives elsewhere, or no more.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { computeWorkerContract } from "../worker/contract.ts";

export interface GuestDestroyParams {
  readonly serverId: Uuid;
  readonly host: string;
}

export const guestDestroy = saga<GuestDestroyParams>("guest-destroy")
  .remote("destroy", {
    // Its ports may be in use elsewhere by now; the network's own worker unplugs what is not bound there.
    do: ({ rpc }, { params: { serverId, host } }) =>
      rpc.on(computeWorkerContract, host).destroy({ serverId, portIds: [] }),
  })
  .build();
