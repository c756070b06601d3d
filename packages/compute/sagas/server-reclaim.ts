// Makes what a server holds of its host exactly what its flavor says, or nothing when it is on no host.
import type { Uuid } from "@micronova/kit";
import { rewriteAllocations, unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import type { FlavorCopy, Server } from "../tables.ts";

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
        holdings: { [server.node_id]: { resources: resourcesOf(server) } },
      });
    },
  })
  .build();

function resourcesOf({ vcpus, memory_mb, image_id, flavor }: Server): Record<string, number> {
  // Written at the boot, as a copy of the flavor.
  const { disk, ephemeral, swap } = JSON.parse(flavor) as FlavorCopy;
  const diskGb = (image_id === null ? 0 : disk) + ephemeral + Math.ceil(swap / 1024);
  return { VCPU: vcpus, MEMORY_MB: memory_mb, ...(diskGb === 0 ? {} : { DISK_GB: diskGb }) };
}
