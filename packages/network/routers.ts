// Routers: networks with an interface on the same router reach each other, and the outside when it has a
// gateway. The host itself forwards; a router is what allows it to.
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { rulesChanged } from "./agents.ts";
import { release } from "./allocations.ts";
import { errors } from "./errors.ts";
import { createPort, removePort } from "./ports.ts";
import { checkQuota } from "./quotas.ts";
import { flag, newRow, type StandardWish } from "./standard.ts";
import type { Network, Port, Router, Subnet } from "./tables.ts";

export const interfaceOwner = "network:router_interface";

export interface NewRouter extends StandardWish {
  readonly admin_state_up?: boolean;
  readonly gateway_network_id?: Uuid | null;
  readonly enable_snat?: boolean;
}

export async function createRouter(tx: Tx, wanted: NewRouter): Promise<Router> {
  await checkGatewayNetwork(tx, wanted.gateway_network_id ?? null);
  const router = await tx
    .insertInto("routers")
    .values({
      ...newRow(tx, wanted),
      admin_state_up: flag(wanted.admin_state_up ?? true),
      gateway_network_id: wanted.gateway_network_id ?? null,
      enable_snat: flag(wanted.enable_snat ?? true),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await checkQuota(tx, wanted.project_id, "router");
  return router;
}

async function checkGatewayNetwork(tx: Tx, id: Uuid | null): Promise<void> {
  if (id === null) return;
  const network = await tx.selectFrom("networks").selectAll().where("id", "=", id).executeTakeFirst();
  if (network === undefined) throw errors.networkNotFound(id);
  if (network.is_external === 0) throw errors.notExternal(id);
}

export function visibleRouters(tx: Tx, context: RequestContext) {
  const all = tx.selectFrom("routers").selectAll().orderBy("created_at").orderBy("id");
  return context.isAdmin ? all : all.where("project_id", "=", context.projectId ?? "");
}

export async function getRouter(tx: Tx, context: RequestContext, id: Uuid): Promise<Router> {
  const router = await visibleRouters(tx, context).where("id", "=", id).executeTakeFirst();
  if (router === undefined) throw errors.routerNotFound(id);
  return router;
}

export type RouterChange = Partial<
  Pick<Router, "name" | "description" | "admin_state_up" | "gateway_network_id" | "enable_snat">
>;

export async function updateRouter(tx: Tx, id: Uuid, change: RouterChange): Promise<Router> {
  await checkGatewayNetwork(tx, change.gateway_network_id ?? null);
  const router = await tx
    .updateTable("routers")
    .set((set) => ({ ...change, updated_at: now(tx), revision_number: set("revision_number", "+", 1) }))
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (router === undefined) throw errors.routerNotFound(id);
  await rulesChanged(tx);
  return router;
}

export async function removeRouter(tx: Tx, id: Uuid): Promise<void> {
  if ((await interfacesOf(tx, id)).length > 0) throw errors.routerInUse(id);
  await tx.deleteFrom("routers").where("id", "=", id).execute();
}

function interfacesOf(tx: Tx, routerId: Uuid): Promise<readonly Port[]> {
  return tx
    .selectFrom("ports")
    .selectAll()
    .where("device_id", "=", routerId)
    .where("device_owner", "=", interfaceOwner)
    .execute();
}

/** The interface has the subnet's gateway address, which the host answers to. */
export async function addInterface(
  tx: Tx,
  router: Router,
  on: { readonly network: Network; readonly subnet: Subnet },
): Promise<Port> {
  const { network, subnet } = on;
  if (subnet.gateway_ip === null) {
    throw errors.badRouterRequest(`Subnet for router interface must have a gateway IP`);
  }
  const port = await createPort(tx, network, {
    network_id: network.id,
    project_id: router.project_id,
    device_id: router.id,
    device_owner: interfaceOwner,
    port_security_enabled: false,
    fixed_ips: [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }],
    security_groups: [],
  });
  await rulesChanged(tx);
  return port;
}

export async function removeInterface(tx: Tx, router: Router, subnet: Subnet): Promise<Port> {
  const port = await interfaceOn(tx, router.id, subnet.id);
  if (port === null) throw errors.interfaceNotFound(router.id, subnet.id);
  await release(tx, port.id);
  await removePort(tx, port.id);
  return port;
}

async function interfaceOn(tx: Tx, routerId: Uuid, subnetId: Uuid): Promise<Port | null> {
  const row = await tx
    .selectFrom("ports")
    .innerJoin("ip_allocations", "ip_allocations.port_id", "ports.id")
    .selectAll("ports")
    .where("ports.device_id", "=", routerId)
    .where("ports.device_owner", "=", interfaceOwner)
    .where("ip_allocations.subnet_id", "=", subnetId)
    .executeTakeFirst();
  return row ?? null;
}
