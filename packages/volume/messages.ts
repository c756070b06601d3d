// What went wrong with a volume after its request was answered, in words for the user: Cinder's messages.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { Volume, VolumeMessage } from "./tables.ts";

/** Cinder's numbers of what was being done. */
export const messageEvents = {
  create: "VOLUME_VOLUME_001_002",
  delete: "VOLUME_VOLUME_004_003",
  extend: "VOLUME_VOLUME_007_007",
} as const;

/** What can be done about it. The volume and the request are fields of their own. */
const advice: Readonly<Record<keyof typeof messageEvents, string>> = {
  create: "Delete the volume and create it again; if that fails too, tell an administrator the request.",
  delete: "Delete it again; if that fails too, tell an administrator the request.",
  extend: "Its size may have grown. Ask an administrator to reset its status, then extend it again.",
};

// A project's older messages make room for newer ones.
const keptPerProject = 1000;

export async function addMessage(
  tx: Tx,
  volume: Pick<Volume, "id" | "project_id">,
  message: { readonly event: keyof typeof messageEvents; readonly text: string; readonly requestId: string },
): Promise<void> {
  const oldest = await tx
    .selectFrom("volume_messages")
    .select("created_at")
    .where("project_id", "=", volume.project_id)
    .orderBy("created_at", "desc")
    .offset(keptPerProject - 1)
    .limit(1)
    .executeTakeFirst();
  if (oldest !== undefined) {
    await tx
      .deleteFrom("volume_messages")
      .where("project_id", "=", volume.project_id)
      .where("created_at", "<=", oldest.created_at)
      .execute();
  }
  await tx
    .insertInto("volume_messages")
    .values({
      id: newId(tx),
      project_id: volume.project_id,
      volume_id: volume.id,
      request_id: message.requestId,
      event_id: messageEvents[message.event],
      user_message: `${message.text} ${advice[message.event]}`,
      created_at: now(tx),
    })
    .execute();
}

export async function listMessages(tx: Tx, context: RequestContext, limit: number): Promise<VolumeMessage[]> {
  return await tx
    .selectFrom("volume_messages")
    .selectAll()
    .where("project_id", "=", context.projectId ?? "")
    .orderBy("created_at", "desc")
    .limit(limit)
    .execute();
}

export async function getMessage(tx: Tx, context: RequestContext, id: Uuid): Promise<VolumeMessage> {
  const message = await tx.selectFrom("volume_messages").selectAll().where("id", "=", id).executeTakeFirst();
  const isVisible = message !== undefined && (context.isAdmin || message.project_id === context.projectId);
  if (!isVisible) throw errors.messageNotFound(id);
  return message;
}

export async function removeMessage(tx: Tx, context: RequestContext, id: Uuid): Promise<void> {
  await getMessage(tx, context, id);
  await tx.deleteFrom("volume_messages").where("id", "=", id).execute();
}
