// A server's network cards: which ports belong to it, in which order, and what only compute knows of them.
import type { RequestContext, Uuid } from "@micronova/kit";
import { type PortSpec, portSpecs, ports } from "@micronova/network";
import type { Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { ServerInterface } from "./tables.ts";

export function interfacesOf(tx: Tx, serverId: Uuid): Promise<ServerInterface[]> {
  return tx
    .selectFrom("server_interfaces")
    .selectAll()
    .where("server_id", "=", serverId)
    .orderBy("position")
    .execute();
}

/** Everything that plugging the server's ports takes, with their tags, in the guest's order. */
export async function portSpecsOf(
  tx: Tx,
  serverId: Uuid,
): Promise<(PortSpec & { readonly tag: string | null })[]> {
  const rows = await interfacesOf(tx, serverId);
  const tags = new Map(rows.map(({ port_id, tag }) => [port_id, tag]));
  const specs = await portSpecs(
    tx,
    rows.map(({ port_id }) => port_id),
  );
  return specs.map((spec) => ({ ...spec, tag: tags.get(spec.id) ?? null }));
}

export async function portIdsOf(tx: Tx, serverId: Uuid): Promise<Uuid[]> {
  return (await interfacesOf(tx, serverId)).map(({ port_id }) => port_id);
}

/** A port that a server shall have: one to be made, or one of the user's to be taken. */
export interface RequestedPort {
  readonly portId: Uuid;
  readonly networkId: Uuid;
  readonly fixedIp: string | null;
  readonly tag: string | null;
  readonly isPreexisting: boolean;
  /** Names or ids; a port of the user's keeps its own. */
  readonly securityGroups: readonly string[];
}

interface NewPorts {
  readonly serverId: Uuid;
  readonly serverName: string;
  readonly host: string;
  readonly ports: readonly RequestedPort[];
  /** The place of the first of them among the server's cards. Default 0. */
  readonly first?: number;
}

/** Makes the server's ports, or takes those the user made. */
export async function makePorts(tx: Tx, context: RequestContext, wanted: NewPorts): Promise<void> {
  const { serverId, host } = wanted;
  for (const [position, port] of wanted.ports.entries()) {
    const { portId, networkId, fixedIp, securityGroups } = port;
    const binding = { server_id: serverId, server_name: wanted.serverName, host };
    if (port.isPreexisting) {
      if (!(await ports.bind(tx, portId, binding))) throw errors.portInUse(portId);
    } else
      await ports.create(tx, context, {
        ...binding,
        port_id: portId,
        network_id: networkId,
        ...(fixedIp === null ? {} : { fixed_ip: fixedIp }),
        security_groups: securityGroups,
      });
    await addInterface(tx, serverId, port, (wanted.first ?? 0) + position);
  }
}

async function addInterface(
  tx: Tx,
  serverId: Uuid,
  { portId, networkId, tag, isPreexisting }: RequestedPort,
  position: number,
): Promise<void> {
  await tx
    .insertInto("server_interfaces")
    .values({
      port_id: portId,
      server_id: serverId,
      network_id: networkId,
      tag,
      is_preexisting: isPreexisting ? 1 : 0,
      position,
    })
    .execute();
}

/** Removes the ports that were made for the server, and frees those that were not. None is fine. */
export async function unmakePorts(tx: Tx, serverId: Uuid): Promise<void> {
  const rows = await tx
    .deleteFrom("server_interfaces")
    .where("server_id", "=", serverId)
    .returning(["port_id", "is_preexisting"])
    .execute();
  for (const row of rows) await letGo(tx, row);
}

export async function unmakePort(tx: Tx, portId: Uuid): Promise<void> {
  const row = await tx
    .deleteFrom("server_interfaces")
    .where("port_id", "=", portId)
    .returning(["port_id", "is_preexisting"])
    .executeTakeFirst();
  if (row !== undefined) await letGo(tx, row);
}

async function letGo(tx: Tx, row: Pick<ServerInterface, "port_id" | "is_preexisting">): Promise<void> {
  if (row.is_preexisting === 1) await ports.unbind(tx, row.port_id);
  else await ports.remove(tx, row.port_id);
}
