// Frees a port that is bound for a server which does not have it. The port stays: it may be a user's own.
import type { Uuid } from "@micronova/kit";
import { ports } from "@micronova/network";
import { saga } from "@micronova/saga";

export interface PortFreeParams {
  readonly portId: Uuid;
}

export const portFree = saga<PortFreeParams>("port-free")
  .local("unbind", {
    do: async (tx, { params: { portId } }) => {
      const card = await tx
        .selectFrom("server_interfaces")
        .innerJoin("servers", "servers.id", "server_interfaces.server_id")
        .select("port_id")
        .where("port_id", "=", portId)
        .where("servers.deleted_at", "is", null)
        .executeTakeFirst();
      if (card === undefined) await ports.unbind(tx, portId);
    },
  })
  .build();
