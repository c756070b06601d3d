// Wipes the bytes of a volume that no table knows any more. Whoever starts it has proof that the volume was
// this cloud's own.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { bytesDeadlineMs, volumeWorkerContract } from "../worker/contract.ts";

export interface VolumeOrphanDeleteParams {
  readonly volumeId: Uuid;
  readonly host: string;
}

export const volumeOrphanDelete = saga<VolumeOrphanDeleteParams>("volume-orphan-delete")
  .remote("wipe", {
    deadlineMs: bytesDeadlineMs,
    async do({ rpc }, { params: { volumeId, host } }) {
      await rpc.on(volumeWorkerContract, host).delete({ volumeId });
    },
  })
  .build();
