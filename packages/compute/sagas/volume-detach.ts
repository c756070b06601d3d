// Detaches a volume from a server: the guest lets go of it, its export is withdrawn, and only then is it free
// for others.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { removeAttachment, rollDetach } from "@micronova/volume";
import { blockDevicesOf, exportVolume, unexportVolume } from "../server-volumes.ts";
import { computeWorkerContract } from "../worker/contract.ts";

export interface VolumeDetachParams {
  readonly serverId: Uuid;
  /** The server's. */
  readonly host: string;
  readonly volumeId: Uuid;
  readonly attachmentId: Uuid;
  readonly mappingId: Uuid;
}

export const volumeDetach = saga<VolumeDetachParams>("volume-detach")
  .remote("detach", {
    do: async ({ rpc }, { params }) => {
      const { serverId, host, volumeId } = params;
      await rpc.on(computeWorkerContract, host).detachVolume({ serverId, volumeId });
    },
    // A detachment that failed may have been done: the volume stays, so the guest has it again.
    undo: async (env, { params, cause }) => {
      const { serverId, host, volumeId, mappingId } = params;
      const mapping = (await blockDevicesOf(env.store.read, serverId)).find(({ id }) => id === mappingId);
      // A server that is being deleted needs it no more.
      if (cause?.kind === "cancelled" || mapping === undefined) return;
      const connection = await exportVolume(env, volumeId, host);
      const volume = { connection, device: mapping.device_name, bootIndex: mapping.boot_index };
      await env.rpc.on(computeWorkerContract, host).attachVolume({ serverId, volume });
    },
    undoMayWait: true,
  })
  .remote("unexport", {
    do: (env, { params }) => unexportVolume(env, params.volumeId, params.host),
  })
  .local("release", {
    do: async (tx, { params }) => {
      await tx.deleteFrom("block_device_mappings").where("id", "=", params.mappingId).execute();
      await removeAttachment(tx, params.attachmentId);
    },
  })
  .onUnwound(async (tx, { params }) => {
    await rollDetach(tx, params.attachmentId);
  })
  .build();
