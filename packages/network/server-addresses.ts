// Which addresses servers have, and which server has an address.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";

export interface ServerAddress {
  readonly network_name: string;
  readonly version: number;
  readonly address: string;
  readonly mac_address: string;
  readonly type: "fixed";
}

/** Server id → its addresses, in the order of its ports. */
export async function serverAddresses(
  tx: Tx,
  serverIds: readonly Uuid[],
): Promise<ReadonlyMap<Uuid, readonly ServerAddress[]>> {
  if (serverIds.length === 0) return new Map();
  const rows = await tx
    .selectFrom("ports")
    .innerJoin("ip_allocations", "ip_allocations.port_id", "ports.id")
    .innerJoin("networks", "networks.id", "ports.network_id")
    .select(["ports.device_id", "ports.mac_address", "networks.name", "ip_allocations.ip_address"])
    .where("ports.device_id", "in", serverIds)
    .orderBy("ports.created_at")
    .orderBy("ports.id")
    .orderBy("ip_allocations.position")
    .execute();
  const byServer = new Map<Uuid, ServerAddress[]>();
  for (const { device_id, mac_address, name, ip_address } of rows) {
    const version = ip_address.includes(":") ? 6 : 4;
    const address = { network_name: name, version, address: ip_address, mac_address, type: "fixed" } as const;
    const known = byServer.get(device_id);
    if (known === undefined) byServer.set(device_id, [address]);
    else known.push(address);
  }
  return byServer;
}

/** The server whose port has the address on the network, or null. */
export async function findServerByAddress(tx: Tx, networkId: Uuid, address: string): Promise<Uuid | null> {
  const row = await tx
    .selectFrom("ip_allocations")
    .innerJoin("ports", "ports.id", "ip_allocations.port_id")
    .select("ports.device_id")
    .where("ip_allocations.network_id", "=", networkId)
    .where("ip_allocations.ip_address", "=", address)
    .where("ports.device_owner", "like", "compute:%")
    .executeTakeFirst();
  return row?.device_id ?? null;
}

/** Whom the port with that address belongs to: a server, a service of the network, or nobody (empty). */
export async function deviceAtAddress(tx: Tx, networkId: Uuid, address: string): Promise<string | null> {
  const row = await tx
    .selectFrom("ip_allocations")
    .innerJoin("ports", "ports.id", "ip_allocations.port_id")
    .select("ports.device_id")
    .where("ip_allocations.network_id", "=", networkId)
    .where("ip_allocations.ip_address", "=", address)
    .executeTakeFirst();
  return row?.device_id ?? null;
}
