// Makes a server's disks, its guest and the volumes' attachments say the same: what the tables attach the
// guest has again, and everything else is let go of.
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import { completeAttachment, removeAttachment, rollDetach, serverAttachments } from "@micronova/volume";
import { blockDevicesOf, exportVolume, unexportVolume } from "../server-volumes.ts";
import { computeWorkerContract } from "../worker/contract.ts";

export interface VolumesSettleParams {
  readonly serverId: Uuid;
}

export const volumesSettle = saga<VolumesSettleParams>("volumes-settle")
  .query("look", {
    do: async ({ store }, { params: { serverId } }) => {
      const server = await store.read
        .selectFrom("servers")
        .select(["host"])
        .where("id", "=", serverId)
        .where("deleted_at", "is", null)
        .executeTakeFirst();
      const attachments = (await serverAttachments(store.read)).filter((one) => one.server_id === serverId);
      const disks = await blockDevicesOf(store.read, serverId);
      const isDisk = (id: Uuid) => disks.some(({ attachment_id }) => attachment_id === id);
      return {
        host: server?.host ?? attachments.find(({ host }) => host !== null)?.host ?? null,
        isLiving: server !== undefined,
        /** What may stay if the guest has it. */
        kept: attachments.filter(({ id }) => isDisk(id)).map(({ volume_id }) => volume_id),
        /** What the guest should have by all that is known. */
        attached: disks
          .filter(({ attachment_id }) =>
            attachments.some(({ id, attach_status }) => id === attachment_id && attach_status === "attached"),
          )
          .map(({ volume_id, device_name, boot_index }) => ({ volume_id, device_name, boot_index })),
        all: [...attachments, ...disks].map(({ volume_id }) => volume_id),
      };
    },
  })
  .remote("withdraw", {
    do: async (env, { params: { serverId }, outputs: { look } }) => {
      const { host, isLiving, kept, attached, all } = look;
      if (host === null) return { has: [] };
      const worker = env.rpc.on(computeWorkerContract, host);
      const { guests } = await worker.list({ serverIds: [serverId] });
      const inGuest = guests[0]?.volumes ?? [];
      const has = isLiving ? kept.filter((id) => inGuest.includes(id)) : [];
      if (isLiving && guests.length > 0) {
        for (const { volume_id, device_name, boot_index } of attached) {
          if (has.includes(volume_id)) continue;
          const connection = await exportVolume(env, volume_id, host);
          const volume = { connection, device: device_name, bootIndex: boot_index };
          await worker.attachVolume({ serverId, volume });
          has.push(volume_id);
        }
      }
      for (const volumeId of inGuest) {
        if (!has.includes(volumeId)) await worker.detachVolume({ serverId, volumeId });
      }
      for (const volumeId of new Set([...all, ...inGuest])) {
        if (!has.includes(volumeId)) await unexportVolume(env, volumeId, host);
      }
      return { has };
    },
  })
  .local("settle", {
    do: async (tx, { params: { serverId }, outputs }) => {
      const { has } = outputs.withdraw;
      const host = outputs.look.host ?? "";
      for (const { id, volume_id, attach_status, device } of await serverAttachments(tx)) {
        if (!outputs.look.all.includes(volume_id)) continue;
        if (!has.includes(volume_id)) await removeAttachment(tx, id);
        else if (attach_status === "detaching") await rollDetach(tx, id);
        else if (attach_status !== "attached")
          await completeAttachment(tx, id, { device: device ?? "", host });
      }
      const disks = await blockDevicesOf(tx, serverId);
      for (const { id, volume_id } of disks) {
        if (!has.includes(volume_id))
          await tx.deleteFrom("block_device_mappings").where("id", "=", id).execute();
      }
    },
  })
  .build();
