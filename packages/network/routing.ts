// What routers mean for a network: whether its guests reach the outside, and which other networks they reach.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { interfaceOwner } from "./routers.ts";

export interface Routing {
  readonly nat: boolean;
  /** Networks behind the same routers. */
  readonly routed: readonly Uuid[];
}

export async function routedNetworks(tx: Tx, ids: readonly Uuid[]): Promise<ReadonlyMap<Uuid, Routing>> {
  const interfaces = await tx
    .selectFrom("ports")
    .innerJoin("routers", "routers.id", "ports.device_id")
    .select(["ports.network_id", "routers.id", "routers.gateway_network_id", "routers.enable_snat"])
    .where("ports.device_owner", "=", interfaceOwner)
    .where("routers.admin_state_up", "=", 1)
    .execute();
  const byRouter = Map.groupBy(interfaces, ({ id }) => id);
  return new Map(
    ids.map((id) => {
      const own = interfaces.filter(({ network_id }) => network_id === id);
      const nat = own.some((one) => one.gateway_network_id !== null && one.enable_snat === 1);
      const neighbours = own.flatMap((one) => byRouter.get(one.id) ?? []).map(({ network_id }) => network_id);
      return [id, { nat, routed: [...new Set(neighbours)].filter((other) => other !== id).sort() }];
    }),
  );
}
