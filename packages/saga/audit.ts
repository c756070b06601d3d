// What was done that cannot be taken back, or was done by an administrator beyond the ordinary: written in
// the transaction that begins it, so that nothing is done that is not in here. Rows are only ever added.
import type { Millis, RequestContext, Uuid } from "@micronova/kit";
import { type Concern, newId, now, type Tx } from "@micronova/store";

export interface AuditEntry {
  readonly id: Uuid;
  readonly at: Millis;
  readonly requestId: string;
  readonly userId: string | null;
  /** What is done: a repair's or an action's name. */
  readonly action: string;
  readonly about: Concern;
  /** Why it may be done: the proof, as a sentence. */
  readonly reason: string;
}

export async function audit(
  tx: Tx,
  { requestId, userId }: RequestContext,
  { action, about, reason }: Pick<AuditEntry, "action" | "about" | "reason">,
): Promise<void> {
  const what = { action, subject_kind: about.kind, subject_id: about.id, reason };
  await tx
    .insertInto("audit_log")
    .values({ id: newId(tx), at: now(tx), request_id: requestId, user_id: userId, ...what })
    .execute();
}

/** The newest entries first. */
export async function auditLog(tx: Tx, limit: number): Promise<readonly AuditEntry[]> {
  const rows = await tx
    .selectFrom("audit_log")
    .selectAll()
    .orderBy("at", "desc")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(({ id, at, request_id, user_id, action, subject_kind, subject_id, reason }) => ({
    id,
    at,
    requestId: request_id,
    userId: user_id,
    action,
    about: { kind: subject_kind, id: subject_id },
    reason,
  }));
}
