// Makes a volume larger. What was begun is not taken back: a volume may be larger than it is said to be,
// never smaller.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { addMessage } from "../messages.ts";
import { volumes } from "../volumes.ts";
import { bytesDeadlineMs, volumeWorkerContract } from "../worker/contract.ts";

export interface VolumeExtendParams {
  readonly volumeId: Uuid;
  readonly sizeGb: number;
}

export const volumeExtend = saga<VolumeExtendParams>("volume-extend")
  .local("locate", {
    async do(tx, { params }) {
      return (await volumes.byId(tx, params.volumeId))?.host ?? null;
    },
  })
  .remote("extend", {
    deadlineMs: bytesDeadlineMs,
    async do({ rpc }, { params, outputs }) {
      if (outputs.locate !== null) await rpc.on(volumeWorkerContract, outputs.locate).extend(params);
    },
  })
  .local("finish", {
    async do(tx, { params }) {
      await volumes.finish(tx, params.volumeId, "extend", { size: params.sizeGb, new_size: null });
    },
  })
  .onUnwound(async (tx, { params, cause, request }) => {
    const volume = await volumes.byId(tx, params.volumeId);
    if (volume === null) return;
    await volumes.fail(tx, volume.id, "extend", { new_size: null });
    await addMessage(tx, volume, { event: "extend", text: cause.message, requestId: request.requestId });
  })
  .build();
