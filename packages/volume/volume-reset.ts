// An administrator's os-reset_status: writes over what a volume is said to be, but never against its
// attachment.
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { attachmentsOf, removeAttachment, requireClientOwned } from "./attachments.ts";
import { errors } from "./errors.ts";
import { resetTargets } from "./states.ts";
import { volumes } from "./volumes.ts";

export interface StatusReset {
  readonly status?: string | null;
  readonly attach_status?: string | null;
}

export async function resetStatus(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  wanted: StatusReset,
): Promise<void> {
  await volumes.get(tx, context, id);
  const asked = wanted.status ?? (wanted.attach_status === undefined ? undefined : "available");
  if (asked === undefined || asked === null) return;
  const target = resetTargets.find((status) => status === asked.toLowerCase());
  if (target === undefined) throw errors.badStatus(asked);
  const [attachment] = await attachmentsOf(tx, [id]);
  if (attachment !== undefined) {
    requireClientOwned(attachment);
    await removeAttachment(tx, attachment.id);
  }
  await tx
    .updateTable("volumes")
    .set({ status: target, new_size: null, updated_at: now(tx) })
    .where("id", "=", id)
    .execute();
}
