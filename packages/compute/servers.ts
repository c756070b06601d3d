// The noun of compute: reading servers, changing what is only written down, and starting what touches their
// host.
import type { RequestContext, Uuid } from "@micronova/kit";
import { isFault } from "@micronova/kit";
import type { Saga, Sagas } from "@micronova/saga";
import { now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { explained } from "./sagas/fault-of.ts";
import { serverDelete } from "./sagas/server-delete.ts";
import { serverPause } from "./sagas/server-pause.ts";
import { serverHardReboot, serverReboot } from "./sagas/server-reboot.ts";
import { serverResume } from "./sagas/server-resume.ts";
import { serverStart } from "./sagas/server-start.ts";
import { serverStop } from "./sagas/server-stop.ts";
import { serverSuspend } from "./sagas/server-suspend.ts";
import { serverUnpause } from "./sagas/server-unpause.ts";
import type { ServerActionParams } from "./sagas/simple-action.ts";
import { begin } from "./server-state.ts";
import { blockDevicesOf } from "./server-volumes.ts";
import { actionWords, resettableStates, writableStates } from "./states.ts";
import type { Server, ServerTable } from "./tables.ts";

/** The server, if the caller may see it. Deleted ones are gone. */
export async function getServer(tx: Tx, context: RequestContext, id: Uuid): Promise<Server> {
  let query = tx.selectFrom("servers").selectAll().where("id", "=", id).where("deleted_at", "is", null);
  if (!context.isAdmin) query = query.where("project_id", "=", context.projectId ?? "");
  const server = await query.executeTakeFirst();
  if (server === undefined) throw errors.serverNotFound(id);
  return server;
}

/** As `getServer`; a deleted server's history may be read, where the version lets it. */
export async function getServerOrDeleted(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  mayBeDeleted: boolean,
): Promise<Server> {
  if (!mayBeDeleted) return getServer(tx, context, id);
  const server = await tx.selectFrom("servers").selectAll().where("id", "=", id).executeTakeFirst();
  const isVisible = server !== undefined && (context.isAdmin || server.project_id === context.projectId);
  if (!isVisible) throw errors.serverNotFound(id);
  return server;
}

/** Columns that are only written down. */
export type ServerUpdate = Partial<
  Pick<
    ServerTable,
    | "name"
    | "description"
    | "hostname"
    | "access_ip_v4"
    | "access_ip_v6"
    | "auto_disk_config"
    | "pinned_availability_zone"
    | "locked_by"
    | "locked_reason"
    | "metadata"
    | "tags"
    | "security_groups"
  >
>;

export async function updateServer(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  change: ServerUpdate,
): Promise<Server> {
  let update = tx
    .updateTable("servers")
    .set({ ...change, updated_at: now(tx) })
    .where("id", "=", id)
    .where("deleted_at", "is", null);
  if (!context.isAdmin) update = update.where("project_id", "=", context.projectId ?? "");
  const server = await update.returningAll().executeTakeFirst();
  if (server === undefined) throw errors.serverNotFound(id);
  return server;
}

/** As `getServer`, for writing metadata or tags: refused in the states in which Nova refuses it. */
export async function getWritable(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  action: string,
): Promise<Server> {
  const server = await getServer(tx, context, id);
  if (!writableStates.includes(server.vm_state))
    throw errors.serverInState(id, action, "vm_state", server.vm_state);
  return server;
}

const sagaOf = {
  stop: serverStop,
  start: serverStart,
  reboot: serverReboot,
  hardReboot: serverHardReboot,
  pause: serverPause,
  unpause: serverUnpause,
  suspend: serverSuspend,
  resume: serverResume,
} as const satisfies Record<string, Saga<ServerActionParams>>;
export type SimpleAction = keyof typeof sagaOf;

interface Starting {
  readonly sagas: Sagas;
}

/** Takes the server for the action and starts its saga. */
export async function startAction(
  { sagas }: Starting,
  tx: Tx,
  context: RequestContext,
  request: { readonly id: Uuid; readonly action: SimpleAction },
): Promise<void> {
  const { id, action } = request;
  const server = await begin(tx, context, id, action);
  if (server.host === null) throw errors.serverNotReady(id);
  await sagas.start(
    tx,
    sagaOf[action],
    { serverId: id, host: server.host },
    { subject: serverSubject(id), request: context, action: actionWords[action].log },
  );
}

/** Deletes the server, also while something else runs on it: that is cancelled first. Again is no error. */
export async function removeServer(
  { sagas }: Starting,
  tx: Tx,
  context: RequestContext,
  id: Uuid,
): Promise<void> {
  const server = await beginDelete(tx, context, id);
  if (server === null) return;
  const subject = serverSubject(id);
  await sagas.cancel(tx, subject);
  const hasVolumes = (await blockDevicesOf(tx, id)).length > 0;
  const params = { serverId: id, hasVolumes };
  await sagas.start(tx, serverDelete, params, { subject, request: context, action: "delete" });
}

/** Null when the deletion runs already. */
async function beginDelete(tx: Tx, context: RequestContext, id: Uuid): Promise<Server | null> {
  try {
    return await begin(tx, context, id, "delete");
  } catch (error) {
    if (isFault(error, errors.serverInState)) return null;
    throw error;
  }
}

export const serverSubject = (id: Uuid) => ({ kind: "server", id });

/** An administrator's way out of a state that is not true: nothing on the host is touched. */
export async function resetState(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  state: keyof typeof resettableStates,
): Promise<void> {
  const fault = { ...explained(errors.wasReset(state), id, context), created: now(tx) };
  const { numUpdatedRows } = await tx
    .updateTable("servers")
    .set({
      vm_state: resettableStates[state],
      task_state: null,
      updated_at: now(tx),
      ...(state === "error" ? { fault: JSON.stringify(fault) } : {}),
    })
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw errors.serverNotFound(id);
}

export async function lockServer(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  reason: string | null,
): Promise<void> {
  const server = await getServer(tx, context, id);
  const isOwner = server.project_id === context.projectId && !context.isAdmin;
  await updateServer(tx, context, id, { locked_by: isOwner ? "owner" : "admin", locked_reason: reason });
}

/** A lock that an administrator put is lifted by administrators. */
export async function unlockServer(tx: Tx, context: RequestContext, id: Uuid): Promise<void> {
  const server = await getServer(tx, context, id);
  if (server.locked_by === "admin" && !context.isAdmin)
    throw errors.onlyAdmin("os_compute_api:os-lock-server:unlock:unlock_override");
  await updateServer(tx, context, id, { locked_by: null, locked_reason: null });
}
