// Ends a guest on a host where its server is not. Whoever starts it has proof that the server is this cloud's
// and lives elsewhere, or no more.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import type { Tx } from "@micronova/store";
import { movingHosts } from "../server-migrations.ts";
import { computeWorkerContract } from "../worker/contract.ts";

export interface GuestDestroyParams {
  readonly serverId: Uuid;
  readonly host: string;
}

export const guestDestroy = saga<GuestDestroyParams>("guest-destroy")
  .remote("destroy", {
    // Its ports may be in use elsewhere by now; the network's own worker unplugs what is not bound there.
    do: async ({ rpc, store }, { params: { serverId, host } }) => {
      if (await belongsThere(store.read, serverId, host)) return;
      await rpc.on(computeWorkerContract, host).destroy({ serverId, portIds: [] });
    },
  })
  .build();

/** Asked again when its turn comes: the server may have come to the host meanwhile, or be on its way. */
export async function belongsThere(read: Tx, serverId: Uuid, host: string): Promise<boolean> {
  const server = await read
    .selectFrom("servers")
    .select(["host", "deleted_at"])
    .where("id", "=", serverId)
    .executeTakeFirst();
  if (server === undefined || server.deleted_at !== null) return false;
  return server.host === host || (await movingHosts(read, serverId)).includes(host);
}
