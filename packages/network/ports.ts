// Ports: where servers and the network's own services touch a network. Compute makes and removes those of
// servers in its own transactions.
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { rulesChanged } from "./agents.ts";
import { allocate, release, type WantedAddress } from "./allocations.ts";
import { noVif } from "./bindings.ts";
import { errors } from "./errors.ts";
import { getNetwork } from "./networks.ts";
import { insertPort, type NewPortRow } from "./port-rows.ts";
import { checkQuota } from "./quotas.ts";
import { ensureDefaultGroup, resolveGroups, setGroups } from "./security-groups.ts";
import type { Network, Port } from "./tables.ts";

/** What compute asks for when it makes a server's port. */
export interface NewServerPort {
  readonly network_id: Uuid;
  readonly server_id: Uuid;
  readonly server_name: string;
  readonly port_id: Uuid;
  readonly fixed_ip?: string | null;
  /** Ids or names; the project's default group where absent. */
  readonly security_groups?: readonly string[] | null;
  readonly host?: string | null;
  readonly availability_zone?: string;
  /** The server's project, where it is not the caller's. */
  readonly project_id?: string;
}

/** A server's port; the same id again is the same port. */
export async function createServerPort(
  tx: Tx,
  context: RequestContext,
  wanted: NewServerPort,
): Promise<Port> {
  const known = await findPort(tx, wanted.port_id);
  if (known !== null) return known;
  const network = await getNetwork(tx, context, wanted.network_id);
  return createPort(tx, network, {
    id: wanted.port_id,
    network_id: network.id,
    project_id: wanted.project_id ?? context.projectId ?? network.project_id,
    device_id: wanted.server_id,
    device_owner: `compute:${wanted.availability_zone ?? "nova"}`,
    binding_host: wanted.host ?? null,
    hostname: hostnameOf(wanted.server_name),
    fixed_ips: wanted.fixed_ip ? [{ ip_address: wanted.fixed_ip }] : null,
    security_groups: wanted.security_groups ?? null,
  });
}

export interface NewPort extends NewPortRow {
  /** Null takes one address; an empty list takes none. */
  readonly fixed_ips: readonly WantedAddress[] | null;
  /** Ids or names; null takes the project's default group. */
  readonly security_groups: readonly string[] | null;
}

export async function createPort(tx: Tx, network: Network, wanted: NewPort): Promise<Port> {
  const isSecure = wanted.port_security_enabled ?? network.port_security_enabled === 1;
  const isService = wanted.device_owner?.startsWith("network:") ?? false;
  if (!isSecure && (wanted.security_groups?.length ?? 0) > 0) throw errors.groupNeedsSecurity();
  const { fixed_ips, security_groups, ...row } = wanted;
  const port = await insertPort(tx, { ...row, port_security_enabled: isSecure });
  await allocate(tx, port, fixed_ips);
  const groups =
    security_groups === null
      ? isSecure && !isService
        ? [await ensureDefaultGroup(tx, wanted.project_id)]
        : []
      : await resolveGroups(tx, wanted.project_id, security_groups);
  await setGroups(tx, port.id, groups);
  await checkQuota(tx, wanted.project_id, "port");
  await rulesChanged(tx);
  return port;
}

/** What DHCP and DNS call a server: its name where it is a host name, else what is left of it. */
function hostnameOf(name: string): string {
  const label = name
    .toLowerCase()
    .replaceAll(/[\s_.]+/g, "-")
    .replaceAll(/[^a-z0-9-]/g, "");
  return label.slice(0, 63).replaceAll(/^-+|-+$/g, "");
}

export async function findPort(tx: Tx, id: Uuid): Promise<Port | null> {
  const port = await tx.selectFrom("ports").selectAll().where("id", "=", id).executeTakeFirst();
  return port ?? null;
}

/** Ports of the caller's project, and all on networks of its own. */
export function visiblePorts(tx: Tx, context: RequestContext) {
  const all = tx.selectFrom("ports").selectAll().orderBy("created_at").orderBy("id");
  if (context.isAdmin) return all;
  const projectId = context.projectId ?? "";
  return all.where((is) =>
    is.or([
      is("project_id", "=", projectId),
      is(
        "network_id",
        "in",
        is.selectFrom("networks").select("networks.id").where("networks.project_id", "=", projectId),
      ),
    ]),
  );
}

export async function getPort(tx: Tx, context: RequestContext, id: Uuid): Promise<Port> {
  const port = await visiblePorts(tx, context).where("id", "=", id).executeTakeFirst();
  if (port === undefined) throw errors.portNotFound(id);
  return port;
}

/** The ports of a server, in the order they were made. */
export function portsOfServer(tx: Tx, serverId: Uuid): Promise<readonly Port[]> {
  return tx
    .selectFrom("ports")
    .selectAll()
    .where("device_id", "=", serverId)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
}

/** Ports that are bound to a host for a server. */
export function boundServerPorts(
  tx: Tx,
): Promise<readonly Pick<Port, "id" | "device_id" | "binding_host">[]> {
  return tx
    .selectFrom("ports")
    .select(["id", "device_id", "binding_host"])
    .where("device_owner", "like", "compute:%")
    .where("binding_host", "is not", null)
    .execute();
}

export interface Binding {
  readonly server_id: Uuid;
  readonly server_name: string;
  readonly host: string | null;
  readonly availability_zone?: string;
}

/**
 * Gives a port that stands alone to a server, or moves a server's port to a host. False when another device
 * has it.
 */
export async function bindPort(tx: Tx, id: Uuid, binding: Binding): Promise<boolean> {
  const bound = await tx
    .updateTable("ports")
    .set((set) => ({
      device_id: binding.server_id,
      device_owner: `compute:${binding.availability_zone ?? "nova"}`,
      binding_host: binding.host,
      ...noVif,
      hostname: hostnameOf(binding.server_name),
      updated_at: now(tx),
      revision_number: set("revision_number", "+", 1),
    }))
    .where("id", "=", id)
    .where("device_id", "in", ["", binding.server_id])
    .returning("id")
    .executeTakeFirst();
  await rulesChanged(tx);
  return bound !== undefined;
}

/** Takes a port from its server without removing it. */
export async function unbindPort(tx: Tx, id: Uuid): Promise<void> {
  await tx
    .updateTable("ports")
    .set((set) => ({
      device_id: "",
      device_owner: "",
      binding_host: null,
      ...noVif,
      updated_at: now(tx),
      revision_number: set("revision_number", "+", 1),
    }))
    .where("id", "=", id)
    .execute();
  await rulesChanged(tx);
}

/** Absent is success. */
export async function removePort(tx: Tx, id: Uuid): Promise<void> {
  await release(tx, id);
  await tx.deleteFrom("port_security_groups").where("port_id", "=", id).execute();
  await tx.deleteFrom("ports").where("id", "=", id).execute();
  await rulesChanged(tx);
}

export type PortChange = Partial<
  Pick<
    Port,
    | "name"
    | "description"
    | "admin_state_up"
    | "mac_address"
    | "device_id"
    | "device_owner"
    | "port_security_enabled"
    | "binding_host"
    | "binding_profile"
    | "binding_vnic_type"
    | "hostname"
  >
> & {
  readonly fixed_ips?: readonly WantedAddress[];
  readonly security_groups?: readonly string[];
};

export async function updatePort(tx: Tx, port: Port, change: PortChange): Promise<Port> {
  const { fixed_ips, security_groups, ...row } = change;
  if (row.mac_address !== undefined && row.mac_address !== port.mac_address && port.binding_host !== null) {
    throw errors.portBound(port.id, port.mac_address, row.mac_address);
  }
  const isSecure = (row.port_security_enabled ?? port.port_security_enabled) === 1;
  if (security_groups !== undefined) {
    if (!isSecure && security_groups.length > 0) throw errors.groupNeedsSecurity();
    await setGroups(tx, port.id, await resolveGroups(tx, port.project_id, security_groups));
  } else if (!isSecure && port.port_security_enabled === 1) {
    await setGroups(tx, port.id, []);
  }
  if (fixed_ips !== undefined) {
    await release(tx, port.id);
    await allocate(tx, port, fixed_ips);
  }
  await rulesChanged(tx);
  return tx
    .updateTable("ports")
    .set((set) => ({ ...row, updated_at: now(tx), revision_number: set("revision_number", "+", 1) }))
    .where("id", "=", port.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}
