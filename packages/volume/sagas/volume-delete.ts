// Deletes a volume: its worker wipes the bytes, then the row goes.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { addMessage } from "../messages.ts";
import { volumes } from "../volumes.ts";
import { bytesDeadlineMs, volumeWorkerContract } from "../worker/contract.ts";

export interface VolumeDeleteParams {
  readonly volumeId: Uuid;
}

export const volumeDelete = saga<VolumeDeleteParams>("volume-delete")
  // Read when the saga runs: a creation that was cut short has withdrawn its host by then.
  .local("locate", {
    async do(tx, { params }) {
      return (await volumes.byId(tx, params.volumeId))?.host ?? null;
    },
  })
  .remote("wipe", {
    deadlineMs: bytesDeadlineMs,
    async do({ rpc }, { params, outputs }) {
      if (outputs.locate !== null) await rpc.on(volumeWorkerContract, outputs.locate).delete(params);
    },
  })
  .local("forget", {
    async do(tx, { params }) {
      await tx.deleteFrom("volumes").where("id", "=", params.volumeId).execute();
    },
  })
  .onUnwound(async (tx, { params, cause, request }) => {
    const volume = await volumes.byId(tx, params.volumeId);
    if (volume === null) return;
    await volumes.fail(tx, volume.id, "delete");
    await addMessage(tx, volume, { event: "delete", text: cause.message, requestId: request.requestId });
  })
  .build();
