// What always holds of networks, each a query that answers the violations.
import type { Invariant, Violation } from "@micronova/store";
import { formatIpv4 } from "./addresses/ipv4.ts";

export const networkInvariants: readonly Invariant[] = [
  {
    name: "every address belongs to a living port and lies in its subnet",
    async find(tx) {
      const rows = await tx
        .selectFrom("ip_allocations")
        .leftJoin("ports", "ports.id", "ip_allocations.port_id")
        .leftJoin("subnets", "subnets.id", "ip_allocations.subnet_id")
        .select([
          "ip_allocations.ip_address",
          "ip_allocations.address",
          "ip_allocations.network_id",
          "ip_allocations.port_id",
          "ports.network_id as port_network",
          "subnets.network_id as subnet_network",
          "subnets.first_address",
          "subnets.last_address",
        ])
        .execute();
      return rows
        .filter(
          (row) =>
            row.port_network !== row.network_id ||
            row.subnet_network !== row.network_id ||
            row.address <= row.first_address! ||
            row.address >= row.last_address! ||
            formatIpv4(row.address) !== row.ip_address,
        )
        .map(({ ip_address, port_id }) =>
          wrong(port_id, `Address ${ip_address} of port ${port_id} has no port or subnet it fits.`),
        );
    },
  },
  {
    name: "every router interface has its router",
    async find(tx) {
      const rows = await tx
        .selectFrom("ports")
        .leftJoin("routers", "routers.id", "ports.device_id")
        .select(["ports.id", "ports.device_id"])
        .where("ports.device_owner", "like", "network:router_%")
        .where("routers.id", "is", null)
        .execute();
      return rows.map(({ id, device_id }) =>
        wrong(id, `Port ${id} is an interface of router ${device_id}, which is gone.`),
      );
    },
  },
  {
    name: "a port on a host belongs to a device",
    async find(tx) {
      const rows = await tx
        .selectFrom("ports")
        .select(["id", "binding_host"])
        .where("device_id", "=", "")
        .where("binding_host", "is not", null)
        .execute();
      return rows.map(({ id, binding_host }) =>
        wrong(id, `Port ${id} is bound to ${binding_host} without a device.`),
      );
    },
  },
  {
    name: "every membership of a security group has its port and its group",
    async find(tx) {
      const rows = await tx
        .selectFrom("port_security_groups")
        .leftJoin("ports", "ports.id", "port_security_groups.port_id")
        .leftJoin("security_groups", "security_groups.id", "port_security_groups.security_group_id")
        .select(["port_security_groups.port_id", "port_security_groups.security_group_id"])
        .where((is) => is.or([is("ports.id", "is", null), is("security_groups.id", "is", null)]))
        .execute();
      return rows.map(({ port_id, security_group_id: group }) =>
        wrong(port_id, `Port ${port_id} is a member of ${group}: one is gone.`),
      );
    },
  },
];

function wrong(id: string, text: string): Violation {
  return { text, about: { kind: "port", id } };
}
