// The one place that changes a server's state: `begin` takes the server for an action, `finish` and `fail`
// let it go. Each is one conditional update whose row count is the answer.
import assert from "node:assert/strict";
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import {
  actionWords,
  powerAfter,
  type ServerAction,
  serverStates,
  spawningTask,
  startsDuring,
  startsUnlaunched,
  tasksOf,
  type VmState,
} from "./states.ts";
import type { Server, ServerTable } from "./tables.ts";

/** What a server's answer shows under `fault`. */
export interface ServerFault {
  readonly code: number;
  readonly message: string;
  readonly details: string;
  readonly created: number;
}

/** Columns that an action may set besides the state. */
export type ServerChange = Partial<Omit<ServerTable, "id" | "vm_state" | "task_state" | "created_at">>;

/** Takes the server for one action. Exactly one of several callers succeeds; the others learn why not. */
export async function begin(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  action: ServerAction,
  change: ServerChange = {},
): Promise<Server> {
  const rule = serverStates.actions[action];
  let update = tx
    .updateTable("servers")
    .set({ ...change, ...(rule.task === null ? {} : { task_state: rule.task }), updated_at: now(tx) })
    .where("id", "=", id)
    .where("deleted_at", "is", null);
  if (rule.from !== "any") update = update.where("vm_state", "in", rule.from);
  update = whileIdle(update, action);
  if (!startsUnlaunched.has(action)) update = update.where("launched_at", "is not", null);
  if (!context.isAdmin)
    update = update.where("project_id", "=", context.projectId ?? "").where("locked_by", "is", null);
  const server = await update.returningAll().executeTakeFirst();
  if (server === undefined) throw await whyNot(tx, context, id, action);
  return server;
}

type Update = ReturnType<typeof serverUpdate>;
const serverUpdate = (tx: Tx) => tx.updateTable("servers").set({});

/** Adds what the action asks of the task that runs already. */
function whileIdle(update: Update, action: ServerAction): Update {
  const rule = serverStates.actions[action];
  if (rule.evenWhileBusy !== true) {
    const during = startsDuring[action] ?? [];
    return update.where((is) =>
      during.length === 0
        ? is("task_state", "is", null)
        : is.or([is("task_state", "is", null), is("task_state", "in", during)]),
    );
  }
  // A second delete changes nothing: the first one runs.
  return update.where((is) => is.or([is("task_state", "is", null), is("task_state", "!=", rule.task)]));
}

/** Why `begin` found no row, in the order Nova looks: whose it is, its lock, its state, its task. */
async function whyNot(tx: Tx, context: RequestContext, id: Uuid, action: ServerAction): Promise<Error> {
  const server = await tx
    .selectFrom("servers")
    .selectAll()
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  const isVisible = server !== undefined && (context.isAdmin || server.project_id === context.projectId);
  if (!isVisible) return errors.serverNotFound(id);
  const { text } = actionWords[action];
  const rule = serverStates.actions[action];
  if (server.locked_by !== null && !context.isAdmin) return errors.serverLocked(id);
  const from: readonly string[] | "any" = rule.from;
  if (from !== "any" && !from.includes(server.vm_state))
    return errors.serverInState(id, text, "vm_state", server.vm_state);
  const { task_state: task } = server;
  if (task !== null) return errors.serverInState(id, text, "task_state", task);
  return errors.serverNotLaunched(id, text);
}

/**
 * Ends the action well. False when something else took the server meanwhile, such as its deletion. `as` is
 * for actions that may end in one of two states.
 */
export async function finish(
  tx: Tx,
  id: Uuid,
  action: ServerAction,
  change: ServerChange = {},
  as: VmState | "same" = serverStates.actions[action].to,
): Promise<boolean> {
  const { to, orTo } = serverStates.actions[action];
  assert(as === to || as === orTo, `${action} does not end in ${as}`);
  const power = powerAfter[action];
  return release(tx, id, action, {
    ...change,
    ...(as === "same" ? {} : { vm_state: as }),
    ...(power === undefined ? {} : { power_state: power }),
  });
}

/** Ends the action badly: the server is as before, or in error with the fault shown. */
export async function fail(
  tx: Tx,
  id: Uuid,
  action: ServerAction,
  fault: Omit<ServerFault, "created">,
  change: ServerChange = {},
): Promise<boolean> {
  const rule = serverStates.actions[action];
  return release(tx, id, action, {
    ...change,
    fault: faultText(tx, fault),
    ...(rule.fail === "same" ? {} : { vm_state: rule.fail }),
  });
}

/** Ends whatever the server was said to be doing: nobody does it any more, and this is what it is. */
export async function settle(
  tx: Tx,
  id: Uuid,
  as: {
    readonly vm_state: VmState;
    readonly power: number;
    readonly fault: Omit<ServerFault, "created"> | null;
  },
): Promise<void> {
  const { vm_state, power, fault } = as;
  await tx
    .updateTable("servers")
    .set({
      vm_state,
      task_state: null,
      power_state: power,
      updated_at: now(tx),
      ...(fault === null ? {} : { fault: faultText(tx, fault) }),
    })
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .execute();
}

function faultText(tx: Tx, fault: Omit<ServerFault, "created">): string {
  return JSON.stringify({ ...fault, created: now(tx) } satisfies ServerFault);
}

async function release(
  tx: Tx,
  id: Uuid,
  action: ServerAction,
  change: Partial<ServerTable>,
): Promise<boolean> {
  const tasks = tasksOf(action);
  let update = tx
    .updateTable("servers")
    .set({ ...change, task_state: null, updated_at: now(tx) })
    .where("id", "=", id)
    .where("deleted_at", "is", null);
  update =
    tasks.length === 0 ? update.where("task_state", "is", null) : update.where("task_state", "in", tasks);
  const { numUpdatedRows } = await update.executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Where a build was put. */
export interface Place {
  readonly host: string;
  readonly nodeId: Uuid;
  readonly node: string;
  readonly availabilityZone: string;
}

/**
 * Notes the chosen host on a server that is being built. Refused when the server is being deleted meanwhile.
 */
export async function place(tx: Tx, id: Uuid, where: Place, change: ServerChange = {}): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable("servers")
    .set({
      ...change,
      host: where.host,
      node_id: where.nodeId,
      node: where.node,
      availability_zone: where.availabilityZone,
      task_state: spawningTask,
      updated_at: now(tx),
    })
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .where("task_state", "=", serverStates.actions.create.task)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw errors.serverGoing(id);
}

/** Takes the host away again, so that the build may try another. Nothing to undo is fine. */
export async function unplace(tx: Tx, id: Uuid): Promise<void> {
  const nowhere = { host: null, node_id: null, node: null };
  await tx
    .updateTable("servers")
    .set({ ...nowhere, task_state: serverStates.actions.create.task, updated_at: now(tx) })
    .where("id", "=", id)
    .where("task_state", "=", spawningTask)
    .execute();
  await tx
    .updateTable("servers")
    .set(nowhere)
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .where("launched_at", "is", null)
    .execute();
}

/** Goes on with an action under its next task. Refused when something else took the server meanwhile. */
export async function advance(
  tx: Tx,
  id: Uuid,
  action: ServerAction,
  next: { readonly task: string; readonly change?: ServerChange },
): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable("servers")
    .set({ ...next.change, task_state: next.task, updated_at: now(tx) })
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .where("task_state", "in", tasksOf(action))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw errors.serverGoing(id);
}

/** As `advance`, back to an earlier task; what has changed is changed back also on a server that is going. */
export async function retreat(
  tx: Tx,
  id: Uuid,
  action: ServerAction,
  back: { readonly task: string; readonly change?: ServerChange },
): Promise<void> {
  await tx
    .updateTable("servers")
    .set({ task_state: back.task, updated_at: now(tx) })
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .where("task_state", "in", tasksOf(action))
    .execute();
  if (back.change === undefined) return;
  await tx
    .updateTable("servers")
    .set(back.change)
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .execute();
}
