// Networks: who sees them, who may put ports on them, and their life.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { checkQuota } from "./quotas.ts";
import { flag, newRow } from "./standard.ts";
import { removeSubnet } from "./subnets.ts";
import type { Network } from "./tables.ts";

export interface NewNetwork {
  readonly id?: Uuid;
  readonly project_id: string;
  readonly name: string;
  readonly description?: string;
  readonly admin_state_up?: boolean;
  readonly shared?: boolean;
  readonly is_external?: boolean;
  readonly is_default?: boolean;
  readonly mtu?: number;
  readonly type?: NetworkType;
  /** One is drawn where the type has one. */
  readonly segmentation_id?: number;
  readonly port_security_enabled?: boolean;
  readonly dns_domain?: string;
}

/** `vxlan` spans hosts; of a `local` network each host has a part that is alone. */
export type NetworkType = "local" | "vxlan";

export const isNetworkType = (text: string): text is NetworkType => text === "local" || text === "vxlan";

export const typeOf = ({ segmentation_id }: Pick<Network, "segmentation_id">): NetworkType =>
  segmentation_id === null ? "local" : "vxlan";

// What guests may send in one packet: Ethernet's usual size, less the headers between hosts.
const mtus: Readonly<Record<NetworkType, number>> = { local: 1500, vxlan: 1450 };
/** VXLAN has 24 bits for it. */
export const segmentationIdMax = 2 ** 24 - 1;
// Of sixteen million, one that is drawn is free but for a chance in thousands; sixteen draws do not all fail.
const segmentationTries = 16;

export async function createNetwork(tx: Tx, wanted: NewNetwork): Promise<Network> {
  const network = await insertNetwork(tx, wanted);
  await checkQuota(tx, wanted.project_id, "network");
  return network;
}

/** Drawn by chance, so that clouds which share a wire are unlikely to meet. */
async function insertNetwork(tx: Tx, wanted: NewNetwork): Promise<Network> {
  // An external network stands for the outside of each host, and has no ports.
  const type = wanted.type ?? (wanted.is_external ? "local" : "vxlan");
  for (let attempt = 0; attempt < segmentationTries; attempt++) {
    const segmentation_id = type === "local" ? null : (wanted.segmentation_id ?? drawSegmentationId(tx));
    const network = await insertUnlessTaken(tx, wanted, { type, segmentation_id });
    if (network !== undefined) return network;
    if (wanted.segmentation_id !== undefined) throw errors.tunnelIdInUse(wanted.segmentation_id);
  }
  throw errors.noTunnelId();
}

/** From 1 on, like Neutron's. */
function drawSegmentationId(tx: Tx): number {
  const drawn = Number.parseInt(newId(tx).replaceAll("-", "").slice(-6), 16);
  return Math.max(1, drawn);
}

function insertUnlessTaken(
  tx: Tx,
  wanted: NewNetwork,
  segment: { readonly type: NetworkType; readonly segmentation_id: number | null },
): Promise<Network | undefined> {
  return tx
    .insertInto("networks")
    .values({
      ...newRow(tx, wanted),
      admin_state_up: flag(wanted.admin_state_up ?? true),
      shared: flag(wanted.shared ?? false),
      is_external: flag(wanted.is_external ?? false),
      is_default: flag(wanted.is_default ?? false),
      mtu: wanted.mtu ?? mtus[segment.type],
      segmentation_id: segment.segmentation_id,
      port_security_enabled: flag(wanted.port_security_enabled ?? true),
      dns_domain: wanted.dns_domain ?? "",
    })
    .onConflict((conflict) => conflict.column("segmentation_id").doNothing())
    .returningAll()
    .executeTakeFirst();
}

/** Those the caller sees: its own, shared and external ones; all of them for an administrator. */
export function visibleNetworks(tx: Tx, context: RequestContext) {
  const all = tx.selectFrom("networks").selectAll().orderBy("created_at").orderBy("id");
  if (context.isAdmin) return all;
  return all.where((is) =>
    is.or([is("project_id", "=", context.projectId ?? ""), is("shared", "=", 1), is("is_external", "=", 1)]),
  );
}

/** The network, when the caller sees it; else 404. */
export async function getNetwork(tx: Tx, context: RequestContext, id: Uuid): Promise<Network> {
  const network = await visibleNetworks(tx, context).where("id", "=", id).executeTakeFirst();
  if (network === undefined) throw errors.networkNotFound(id);
  return network;
}

/** For changing it: seen but not owned is forbidden, unseen is not found. */
export async function ownedNetwork(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  rule: string,
): Promise<Network> {
  const network = await getNetwork(tx, context, id);
  if (!context.isAdmin && network.project_id !== context.projectId) throw errors.notAllowed(rule);
  return network;
}

/**
 * Those the caller's servers go on when none is named: its own, else the shared ones, never external ones.
 */
export async function usableNetworks(tx: Tx, context: RequestContext): Promise<readonly Network[]> {
  const visible = await tx
    .selectFrom("networks")
    .selectAll()
    .where("is_external", "=", 0)
    .where((is) => is.or([is("project_id", "=", context.projectId ?? ""), is("shared", "=", 1)]))
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const own = visible.filter((network) => network.project_id === context.projectId && network.shared === 0);
  return own.length > 0 ? own : visible;
}

export type NetworkChange = Partial<
  Pick<
    Network,
    | "name"
    | "description"
    | "admin_state_up"
    | "shared"
    | "is_external"
    | "mtu"
    | "port_security_enabled"
    | "dns_domain"
  >
>;

export async function updateNetwork(tx: Tx, id: Uuid, change: NetworkChange): Promise<Network> {
  const network = await tx
    .updateTable("networks")
    .set((set) => ({ ...change, updated_at: now(tx), revision_number: set("revision_number", "+", 1) }))
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (network === undefined) throw errors.networkNotFound(id);
  return network;
}

/** Takes its subnets and service ports with it; refused while anything else has a port on it. */
export async function removeNetwork(tx: Tx, id: Uuid): Promise<void> {
  const other = await tx
    .selectFrom("ports")
    .select("id")
    .where("network_id", "=", id)
    .where("device_owner", "!=", "network:dhcp")
    .executeTakeFirst();
  const gateway = await tx
    .selectFrom("routers")
    .select("id")
    .where("gateway_network_id", "=", id)
    .executeTakeFirst();
  if (other !== undefined || gateway !== undefined) throw errors.networkInUse(id);
  const subnets = await tx.selectFrom("subnets").select("id").where("network_id", "=", id).execute();
  for (const subnet of subnets) await removeSubnet(tx, subnet.id);
  const removed = await tx.deleteFrom("networks").where("id", "=", id).returning("id").executeTakeFirst();
  if (removed === undefined) throw errors.networkNotFound(id);
}
