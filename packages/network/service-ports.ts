// Ports of the network's own: the address at which DHCP and metadata answer where no gateway is.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { allocate } from "./allocations.ts";
import { insertPort } from "./port-rows.ts";
import type { Subnet } from "./tables.ts";

/** Once a subnet; a subnet that has one keeps it. */
export async function addServicePort(tx: Tx, subnet: Subnet): Promise<void> {
  if ((await serviceAddresses(tx, [subnet.id])).has(subnet.id)) return;
  const port = await insertPort(tx, {
    network_id: subnet.network_id,
    project_id: subnet.project_id,
    device_owner: "network:dhcp",
    device_id: `dhcp-${subnet.id}`,
    port_security_enabled: false,
  });
  await allocate(tx, port, [{ subnet_id: subnet.id }]);
}

/** Subnet id → the address of its service port. */
export async function serviceAddresses(tx: Tx, subnetIds: readonly Uuid[]): Promise<Map<Uuid, string>> {
  if (subnetIds.length === 0) return new Map();
  const rows = await tx
    .selectFrom("ip_allocations")
    .innerJoin("ports", "ports.id", "ip_allocations.port_id")
    .select(["ip_allocations.subnet_id", "ip_allocations.ip_address"])
    .where("ip_allocations.subnet_id", "in", subnetIds)
    .where("ports.device_owner", "=", "network:dhcp")
    .execute();
  return new Map(rows.map((row) => [row.subnet_id, row.ip_address]));
}
