// Attaches a volume to a server: the volume's host makes it reachable, the server's host gives it to the
// guest, and the attachment says so.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { completeAttachment, removeAttachment } from "@micronova/volume";
import { exportVolume, unexportVolume } from "../server-volumes.ts";
import { computeWorkerContract } from "../worker/contract.ts";

export interface VolumeAttachParams {
  readonly serverId: Uuid;
  /** The server's. */
  readonly host: string;
  readonly volumeId: Uuid;
  readonly attachmentId: Uuid;
  readonly mappingId: Uuid;
  readonly device: string;
}

export const volumeAttach = saga<VolumeAttachParams>("volume-attach")
  .remote("export", {
    do: (env, { params }) => exportVolume(env, params.volumeId, params.host),
    undo: (env, { params }) => unexportVolume(env, params.volumeId, params.host),
  })
  .remote("attach", {
    do: ({ rpc }, { params, outputs }) => {
      const { serverId, host, device } = params;
      const volume = { connection: outputs.export, device, bootIndex: null };
      return rpc.on(computeWorkerContract, host).attachVolume({ serverId, volume });
    },
    undo: async ({ rpc }, { params }) => {
      const { serverId, host, volumeId } = params;
      await rpc.on(computeWorkerContract, host).detachVolume({ serverId, volumeId });
    },
    undoMayWait: true,
  })
  .local("complete", {
    do: async (tx, { params, outputs }) => {
      const { device } = outputs.attach;
      await completeAttachment(tx, params.attachmentId, { device, host: params.host });
      await tx
        .updateTable("block_device_mappings")
        .set({ device_name: device })
        .where("id", "=", params.mappingId)
        .execute();
    },
  })
  .onUnwound(async (tx, { params }) => {
    await tx.deleteFrom("block_device_mappings").where("id", "=", params.mappingId).execute();
    await removeAttachment(tx, params.attachmentId);
  })
  .build();
