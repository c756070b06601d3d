// Takes a server that was moved back to where it was: the guest at its new place is put aside, the copy it
// left behind is its guest again, with the disks of then, and what the new place has is removed.
import type { Uuid } from "@micronova/kit";
import { ports } from "@micronova/network";
import { unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import type { Tx } from "@micronova/store";
import { errors } from "../errors.ts";
import { portIdsOf } from "../interfaces.ts";
import { carryBelongings, charge, giveBackTo, holdFor, setStatus, settled } from "../server-migrations.ts";
import { advance, fail, finish, type Place, retreat } from "../server-state.ts";
import { exportVolumes, unexportVolumes } from "../server-volumes.ts";
import { movedState, serverStates } from "../states.ts";
import type { FlavorCopy } from "../tables.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import { comeBack, forgetAttempts, forgetCopy, isForDeletion } from "./copies.ts";
import { faultOf } from "./fault-of.ts";

export interface ServerResizeRevertParams {
  readonly serverId: Uuid;
  /** Also the name of the copy that was left behind. */
  readonly migrationId: Uuid;
  /** The name of the copy at the new place, and in placement the consumer of what is held there. */
  readonly revertId: Uuid;
  readonly source: Place;
  readonly dest: Place;
  readonly oldFlavor: FlavorCopy;
  readonly newFlavor: FlavorCopy;
  readonly hasVolumes: boolean;
  /** Whether the guest ran before it was moved, and whether it runs now. */
  readonly wasRunning: boolean;
  readonly isRunning: boolean;
}

const task = serverStates.actions.revertResize.task!;
/** The guest that ends here is not wanted any more; its disks go with it. */
const graceMs = 0;

export const serverResizeRevert = saga<ServerResizeRevertParams>("server-resize-revert")
  .remote("leave", {
    do: async ({ rpc, store }, { params: { serverId, revertId: copy, dest } }) => {
      const portIds = await portIdsOf(store.read, serverId);
      await rpc.on(computeWorkerContract, dest.host).leave({ serverId, copy, portIds, graceMs });
    },
    undo: async (env, { params: { serverId, revertId: copy, dest, isRunning }, cause }) => {
      if (isForDeletion(cause)) return;
      await comeBack(env, { serverId, host: dest.host, copy, on: isRunning });
    },
    undoMayWait: true,
  })
  .remote("withdraw", {
    onlyWhen: ({ hasVolumes }) => hasVolumes,
    do: (env, { params }) => unexportVolumes(env, params.serverId, params.dest.host),
  })
  .local("move", {
    do: async (tx, { params }) => {
      const { serverId, migrationId, revertId, source, oldFlavor } = params;
      await advance(tx, serverId, "revertResize", { task, change: settled(source, oldFlavor) });
      await holdFor(tx, serverId, revertId);
      await giveBackTo(tx, serverId, migrationId);
      await carryBelongings(tx, serverId, source.host);
    },
    undo: (tx, { params }) => moveForth(tx, params),
  })
  // By itself, since taking it back may not wait for a host that is away: a volume is for one host at a time.
  .remote("export", {
    onlyWhen: ({ hasVolumes }) => hasVolumes,
    do: (env, { params }) => exportVolumes(env, params.serverId, params.source.host),
    undo: (env, { params }) => unexportVolumes(env, params.serverId, params.source.host),
  })
  .remote("return", {
    do: (env, { params: { serverId, migrationId: copy, source, wasRunning: on } }) =>
      comeBack(env, { serverId, host: source.host, copy, on }),
    undo: async ({ rpc, store }, { params: { serverId, migrationId: copy, source } }) => {
      const portIds = await portIdsOf(store.read, serverId);
      await rpc.on(computeWorkerContract, source.host).leave({ serverId, copy, portIds, graceMs });
    },
    undoMayWait: true,
  })
  .remote("forget", {
    do: (env, { params: { serverId, revertId: copy, dest } }) =>
      forgetCopy(env, { serverId, host: dest.host, copy }),
    doMayWait: true,
  })
  // There is no way back from here: what is half forgotten can only be forgotten.
  .retryFrom("forget", forgetAttempts)
  .local("finish", {
    do: async (tx, { params, outputs }) => {
      const { serverId, migrationId, revertId, oldFlavor } = params;
      const { powerState: power_state, plugged } = outputs.return;
      const change = { ...charge(oldFlavor), power_state };
      if (!(await finish(tx, serverId, "revertResize", change, movedState(power_state))))
        throw errors.serverGoing(serverId);
      await ports.plugged(tx, plugged);
      await unclaim(tx, revertId);
      await setStatus(tx, migrationId, { from: ["reverting"], to: "reverted" });
    },
  })
  .onUnwound(async (tx, context) => {
    const { serverId, migrationId } = context.params;
    await setStatus(tx, migrationId, { from: ["reverting"], to: "finished" });
    await fail(tx, serverId, "revertResize", faultOf(context.cause, context));
  })
  .build();

async function moveForth(tx: Tx, params: ServerResizeRevertParams): Promise<void> {
  const { serverId, migrationId, revertId, dest, newFlavor } = params;
  await holdFor(tx, serverId, migrationId);
  await giveBackTo(tx, serverId, revertId);
  await retreat(tx, serverId, "revertResize", { task, change: settled(dest, newFlavor) });
  await carryBelongings(tx, serverId, dest.host);
}
