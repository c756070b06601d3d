// Ends a creation that nobody goes on with: what there is of the volume is wiped, and the volume says that it
// was not made.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { errors } from "../errors.ts";
import { addMessage } from "../messages.ts";
import { volumes } from "../volumes.ts";
import { bytesDeadlineMs, volumeWorkerContract } from "../worker/contract.ts";

export interface VolumeUncreateParams {
  readonly volumeId: Uuid;
}

export const volumeUncreate = saga<VolumeUncreateParams>("volume-uncreate")
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
  .local("say", {
    async do(tx, { params, request }) {
      const volume = await volumes.byId(tx, params.volumeId);
      if (volume === null) return;
      await volumes.fail(tx, volume.id, "create");
      const text = errors.creationLost(volume.id).message;
      await addMessage(tx, volume, { event: "create", text, requestId: request.requestId });
    },
  })
  .build();
