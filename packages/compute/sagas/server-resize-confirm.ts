// Lets go of what a server that was moved left behind: the copy on its old host, and what was held there.
import type { Uuid } from "@micronova/kit";
import { unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import { charge, setStatus } from "../server-migrations.ts";
import { flavorOf } from "../server-show.ts";
import { fail, finish } from "../server-state.ts";
import { movedState } from "../states.ts";
import { forgetAttempts, forgetCopy } from "./copies.ts";
import { faultOf } from "./fault-of.ts";

export interface ServerResizeConfirmParams {
  readonly serverId: Uuid;
  readonly migrationId: Uuid;
  readonly sourceHost: string;
}

export const serverResizeConfirm = saga<ServerResizeConfirmParams>("server-resize-confirm")
  .remote("forget", {
    do: (env, { params: { serverId, migrationId: copy, sourceHost: host } }) =>
      forgetCopy(env, { serverId, host, copy }),
    doMayWait: true,
  })
  .retryFrom("forget", forgetAttempts)
  .local("finish", {
    do: async (tx, { params: { serverId, migrationId } }) => {
      const server = await tx
        .selectFrom("servers")
        .select(["power_state", "flavor"])
        .where("id", "=", serverId)
        .executeTakeFirstOrThrow();
      await unclaim(tx, migrationId);
      await setStatus(tx, migrationId, { from: ["confirming"], to: "confirmed" });
      const change = charge(flavorOf(server.flavor));
      await finish(tx, serverId, "confirmResize", change, movedState(server.power_state));
    },
  })
  .onUnwound(async (tx, context) => {
    const { serverId, migrationId } = context.params;
    await setStatus(tx, migrationId, { from: ["confirming"], to: "finished" });
    await fail(tx, serverId, "confirmResize", faultOf(context.cause, context));
  })
  .build();
