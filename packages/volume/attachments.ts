// Who uses a volume. One attachment, one record, and it belongs to whoever made it: compute for its servers,
// or a client of the attachments API. An attachment and its volume's status always change in one transaction.
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import {
  type AttachmentMove,
  attachedStatuses,
  attachmentMoves,
  freeStatus,
  volumeStatusOf,
} from "./states.ts";
import type { Volume, VolumeAttachment } from "./tables.ts";
import { volumes } from "./volumes.ts";

export interface NewAttachment {
  /** Chosen by the caller, so that its saga knows it. */
  readonly attachmentId: Uuid;
  readonly volumeId: Uuid;
  readonly serverId: Uuid | null;
  readonly device?: string | null;
  readonly host?: string | null;
  readonly mode?: "rw" | "ro";
  readonly owner?: "compute" | "client";
}

/** Takes an available volume for one server; exactly one of several callers succeeds. Answers the volume. */
export async function reserveAttachment(
  tx: Tx,
  context: RequestContext,
  wanted: NewAttachment,
): Promise<Volume> {
  await volumes.get(tx, context, wanted.volumeId);
  const volume = await volumes.begin(tx, wanted.volumeId, "reserve");
  await tx
    .insertInto("volume_attachments")
    .values({
      id: wanted.attachmentId,
      volume_id: volume.id,
      project_id: volume.project_id,
      server_id: wanted.serverId,
      owner: wanted.owner ?? "compute",
      attach_status: "reserved",
      attach_mode: wanted.mode ?? (volume.is_readonly === 1 ? "ro" : "rw"),
      host: wanted.host ?? null,
      device: wanted.device ?? null,
      connector: null,
      attached_at: null,
      created_at: now(tx),
    })
    .execute();
  return volume;
}

/** The volume can be used: `in-use`. */
export async function completeAttachment(
  tx: Tx,
  id: Uuid,
  how: { readonly device: string; readonly host: string; readonly serverId?: Uuid | null },
): Promise<void> {
  const { device, host, serverId } = how;
  const server = serverId === undefined ? {} : { server_id: serverId };
  await move(tx, id, "complete", { ...server, device, host, attached_at: now(tx) });
}

/** The server's volumes are used on another host from now on. */
export async function carryAttachments(tx: Tx, serverId: Uuid, host: string): Promise<void> {
  await tx
    .updateTable("volume_attachments")
    .set({ host })
    .where("server_id", "=", serverId)
    .where("attach_status", "=", "attached")
    .execute();
}

/** The volume is being taken from its server: `detaching`. Exactly one of several callers succeeds. */
export async function beginDetach(tx: Tx, id: Uuid): Promise<VolumeAttachment> {
  return move(tx, id, "beginDetach", {});
}

/** The detachment did not happen: `in-use` again. */
export async function rollDetach(tx: Tx, id: Uuid): Promise<void> {
  await move(tx, id, "rollDetach", {});
}

/** The volume is free: `available`. Absent is success. */
export async function removeAttachment(tx: Tx, id: Uuid): Promise<void> {
  const removed = await tx
    .deleteFrom("volume_attachments")
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (removed === undefined) return;
  await tx
    .updateTable("volumes")
    .set({ status: freeStatus, updated_at: now(tx) })
    .where("id", "=", removed.volume_id)
    .where("status", "in", attachedStatuses)
    .execute();
}

export async function findAttachment(tx: Tx, id: Uuid): Promise<VolumeAttachment | null> {
  const found = await tx.selectFrom("volume_attachments").selectAll().where("id", "=", id).executeTakeFirst();
  return found ?? null;
}

/** The attachment if the caller may know of it. */
export async function getAttachment(tx: Tx, context: RequestContext, id: Uuid): Promise<VolumeAttachment> {
  const found = await findAttachment(tx, id);
  if (found === null || (!context.isAdmin && found.project_id !== context.projectId)) {
    throw errors.attachmentNotFound(id);
  }
  return found;
}

export async function attachmentsOf(tx: Tx, volumeIds: readonly Uuid[]): Promise<VolumeAttachment[]> {
  if (volumeIds.length === 0) return [];
  return await tx.selectFrom("volume_attachments").selectAll().where("volume_id", "in", volumeIds).execute();
}

/** Every attachment that compute made for a server. */
export function serverAttachments(tx: Tx): Promise<VolumeAttachment[]> {
  return tx.selectFrom("volume_attachments").selectAll().where("owner", "=", "compute").execute();
}

/** Throws when compute holds the attachment: only compute may end what a guest has open (CVE-2023-2088). */
export function requireClientOwned(attachment: VolumeAttachment): void {
  if (attachment.owner === "compute") throw errors.attachmentInUse(attachment.server_id ?? "");
}

export async function move(
  tx: Tx,
  id: Uuid,
  name: AttachmentMove,
  changes: Partial<VolumeAttachment>,
): Promise<VolumeAttachment> {
  const { from, to } = attachmentMoves[name];
  const attachment = await tx
    .updateTable("volume_attachments")
    .set({ ...changes, attach_status: to })
    .where("id", "=", id)
    .where("attach_status", "in", from)
    .returningAll()
    .executeTakeFirst();
  if (attachment === undefined) {
    const found = await findAttachment(tx, id);
    if (found === null) throw errors.attachmentNotFound(id);
    throw errors.cannotMove(found.volume_id, words[name], volumeStatusOf[found.attach_status]);
  }
  await tx
    .updateTable("volumes")
    .set({ status: volumeStatusOf[to], updated_at: now(tx) })
    .where("id", "=", attachment.volume_id)
    .execute();
  return attachment;
}

const words: Readonly<Record<AttachmentMove, string>> = {
  connect: "attach",
  complete: "attach",
  beginDetach: "detach",
  rollDetach: "roll back the detachment of",
};

// A list is read in one piece: a project has at most as many attachments as volumes.
const listMax = 1000;

export interface AttachmentFilter {
  /** Null is every project, for administrators. */
  readonly projectId: string | null;
  readonly volumeId?: Uuid;
  readonly serverId?: Uuid;
}

export async function listAttachments(tx: Tx, filter: AttachmentFilter): Promise<VolumeAttachment[]> {
  const { projectId, volumeId, serverId } = filter;
  let query = tx.selectFrom("volume_attachments").selectAll();
  if (projectId !== null) query = query.where("project_id", "=", projectId);
  if (volumeId !== undefined) query = query.where("volume_id", "=", volumeId);
  if (serverId !== undefined) query = query.where("server_id", "=", serverId);
  return await query.orderBy("created_at", "desc").limit(listMax).execute();
}
