// Frees a server whose task nobody goes on with: what it is now is what its host says of the guest. A build
// that was lost is taken back as if it had failed.
import type { Uuid } from "@micronova/kit";
import { unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import { errors } from "../errors.ts";
import { portIdsOf, unmakePorts } from "../interfaces.ts";
import { powerNumber } from "../power.ts";
import { settle, unplace } from "../server-state.ts";
import { releaseVolumes, unexportVolumes } from "../server-volumes.ts";
import { errorState, stateOfGuest } from "../states.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import { explained } from "./fault-of.ts";

export interface ServerSettleParams {
  readonly serverId: Uuid;
}

export const serverSettle = saga<ServerSettleParams>("server-settle")
  .query("look", {
    do: async ({ store }, { params }) => {
      const server = await store.read
        .selectFrom("servers")
        .select(["host", "launched_at"])
        .where("id", "=", params.serverId)
        .executeTakeFirst();
      return { host: server?.host ?? null, isLaunched: (server?.launched_at ?? null) !== null };
    },
  })
  .remote("find", {
    do: async ({ rpc, store }, { params: { serverId }, outputs: { look } }) => {
      if (look.host === null) return { power: null };
      const worker = rpc.on(computeWorkerContract, look.host);
      if (look.isLaunched) {
        const { guests } = await worker.list({ serverIds: [serverId] });
        return { power: guests[0]?.power ?? null };
      }
      await unexportVolumes({ rpc, store }, serverId, look.host);
      await worker.destroy({ serverId, portIds: await portIdsOf(store.read, serverId) });
      return { power: null };
    },
  })
  .local("settle", {
    do: async (tx, { params: { serverId }, outputs: { look, find }, request }) => {
      if (!look.isLaunched) {
        await releaseVolumes(tx, serverId);
        await unmakePorts(tx, serverId);
        await unclaim(tx, serverId);
        await settle(tx, serverId, {
          vm_state: errorState,
          power: 0,
          fault: explained(errors.buildLost(serverId), serverId, request),
        });
        await unplace(tx, serverId);
      } else if (find.power === null) {
        const fault = explained(errors.guestMissing(serverId, look.host ?? ""), serverId, request);
        await settle(tx, serverId, { vm_state: errorState, power: 0, fault });
      } else {
        const power = powerNumber[find.power];
        await settle(tx, serverId, { vm_state: stateOfGuest[find.power], power, fault: null });
      }
    },
  })
  .build();
