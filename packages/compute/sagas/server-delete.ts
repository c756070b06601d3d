// Deletes a server: ends the guest, withdraws its volumes, and then forgets, in one transaction, all that
// belonged to it.
import type { Uuid } from "@micronova/kit";
import { unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import { now } from "@micronova/store";
import { portIdsOf, unmakePorts } from "../interfaces.ts";
import { endMigrations, movingHosts } from "../server-migrations.ts";
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
      const { serverId } = params;
      // A server on the move has something on two hosts.
      const others = (await movingHosts(store.read, serverId)).filter((other) => other !== server?.host);
      return { host: server?.host ?? null, others, portIds: await portIdsOf(store.read, serverId) };
    },
  })
  .remote("destroy", {
    do: async ({ rpc }, { params, outputs }) => {
      const { serverId } = params;
      const { portIds } = outputs.look;
      for (const host of hostsOf(outputs.look))
        await rpc.on(computeWorkerContract, host).destroy({ serverId, portIds });
    },
    doMayWait: true,
  })
  // Must not wait for a host that is away, as the guest's end may: its volumes go to others after this.
  .remote("withdraw", {
    onlyWhen: ({ hasVolumes }) => hasVolumes !== false,
    do: async (env, { params, outputs }) => {
      for (const host of hostsOf(outputs.look)) await unexportVolumes(env, params.serverId, host);
    },
  })
  .local("forget", {
    do: async (tx, { params, request }) => {
      const { serverId } = params;
      await endVolumes(tx, request, serverId);
      await unmakePorts(tx, serverId);
      await unclaim(tx, serverId);
      await endMigrations(tx, serverId);
      await finish(tx, serverId, "delete", { deleted_at: now(tx), terminated_at: now(tx) });
    },
  })
  .onUnwound(async (tx, context) => {
    await fail(tx, context.params.serverId, "delete", faultOf(context.cause, context));
  })
  .build();

/** A log of an earlier release names no others. */
function hostsOf({ host, others }: { readonly host: string | null; readonly others?: readonly string[] }) {
  return [...(host === null ? [] : [host]), ...(others ?? [])];
}
