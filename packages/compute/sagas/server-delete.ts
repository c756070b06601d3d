// Deletes a server: ends the guest, withdraws its volumes, and then forgets, in one transaction, all that
// belonged to it.
import type { Uuid } from "@micronova/kit";
import { unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import { now } from "@micronova/store";
import { portIdsOf, unmakePorts } from "../interfaces.ts";
import { fail, finish } from "../server-state.ts";
import { endVolumes, unexportVolumes } from "../server-volumes.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import { faultOf } from "./fault-of.ts";

export interface ServerDeleteParams {
  readonly serverId: Uuid;
  /** False spares looking for them. */
  readonly hasVolumes?: boolean;
}

export const serverDelete = saga<ServerDeleteParams>("server-delete")
  .query("look", {
    do: async ({ store }, { params }) => {
      const server = await store.read
        .selectFrom("servers")
        .select("host")
        .where("id", "=", params.serverId)
        .executeTakeFirst();
      return { host: server?.host ?? null, portIds: await portIdsOf(store.read, params.serverId) };
    },
  })
  .remote("destroy", {
    do: async ({ rpc }, { params, outputs }) => {
      const { serverId } = params;
      const { host, portIds } = outputs.look;
      if (host === null) return;
      await rpc.on(computeWorkerContract, host).destroy({ serverId, portIds });
    },
    doMayWait: true,
  })
  // Must not wait for a host that is away, as the guest's end may: its volumes go to others after this.
  .remote("withdraw", {
    onlyWhen: ({ hasVolumes }) => hasVolumes !== false,
    do: async (env, { params, outputs }) => {
      const { host } = outputs.look;
      if (host !== null) await unexportVolumes(env, params.serverId, host);
    },
  })
  .local("forget", {
    do: async (tx, { params, request }) => {
      const { serverId } = params;
      await endVolumes(tx, request, serverId);
      await unmakePorts(tx, serverId);
      await unclaim(tx, serverId);
      await finish(tx, serverId, "delete", { deleted_at: now(tx), terminated_at: now(tx) });
    },
  })
  .onUnwound(async (tx, context) => {
    await fail(tx, context.params.serverId, "delete", faultOf(context.cause, context));
  })
  .build();
