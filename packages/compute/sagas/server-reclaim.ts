// Makes what a server holds of its host exactly what its flavor says, or nothing when it is on no host.
import type { Uuid } from "@micronova/kit";
import { rewriteAllocations, unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import { resourcesOf } from "../server-resources.ts";
import { flavorOf } from "../server-show.ts";
import type { Server } from "../tables.ts";

export interface ServerReclaimParams {
  readonly serverId: Uuid;
}

export const serverReclaim = saga<ServerReclaimParams>("server-reclaim")
  .local("rewrite", {
    do: async (tx, { params: { serverId } }) => {
      const server = await tx
        .selectFrom("servers")
        .selectAll()
        .where("id", "=", serverId)
        .where("deleted_at", "is", null)
        .executeTakeFirst();
      if (server === undefined || server.node_id === null) return unclaim(tx, serverId);
      await rewriteAllocations(tx, {
        consumerId: serverId,
        projectId: server.project_id,
        userId: server.user_id,
        consumerType: "INSTANCE",
        holdings: { [server.node_id]: { resources: heldBy(server) } },
      });
    },
  })
  .build();

function heldBy({ image_id, flavor }: Server): Record<string, number> {
  return resourcesOf(flavorOf(flavor), image_id !== null);
}
