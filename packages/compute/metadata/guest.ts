// What the metadata trees are made of: one server with its key, its addresses and its disks, read in a few
// queries.
import type { Uuid } from "@micronova/kit";
import type { PortSpec } from "@micronova/network";
import type { Store, Tx } from "@micronova/store";
import { portSpecsOf } from "../interfaces.ts";
import type { BlockDeviceMapping, FlavorCopy, Server } from "../tables.ts";

export interface KeyCopy {
  readonly name: string;
  readonly type: string;
  readonly public_key: string;
}

export interface Guest {
  readonly server: Server;
  readonly hostname: string;
  readonly flavor: FlavorCopy;
  readonly key: KeyCopy | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly securityGroups: readonly string[];
  readonly ports: readonly (PortSpec & { readonly tag: string | null })[];
  readonly volumes: readonly BlockDeviceMapping[];
}

/** The guest as its metadata shows it; null when there is no such server any more. */
export async function readGuest(
  read: Store["read"] | Tx,
  serverId: Uuid,
  options: { readonly dhcp_domain: string },
): Promise<Guest | null> {
  const server = await read
    .selectFrom("servers")
    .selectAll()
    .where("id", "=", serverId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (server === undefined) return null;
  const [ports, volumes] = [await portSpecsOf(read, serverId), await volumesOf(read, serverId)];
  return guestOf(server, ports, volumes, options);
}

function volumesOf(read: Tx, serverId: Uuid): Promise<BlockDeviceMapping[]> {
  return read.selectFrom("block_device_mappings").selectAll().where("server_id", "=", serverId).execute();
}

function guestOf(
  server: Server,
  ports: Guest["ports"],
  volumes: readonly BlockDeviceMapping[],
  { dhcp_domain }: { readonly dhcp_domain: string },
): Guest {
  return {
    server,
    hostname: dhcp_domain === "" ? server.hostname : `${server.hostname}.${dhcp_domain}`,
    // These columns are written as JSON of these types by this package alone.
    flavor: JSON.parse(server.flavor) as FlavorCopy,
    key: server.key_data === null ? null : (JSON.parse(server.key_data) as KeyCopy),
    metadata: JSON.parse(server.metadata) as Record<string, string>,
    securityGroups: JSON.parse(server.security_groups) as string[],
    ports,
    volumes,
  };
}
