// The volumes of a server: which they are, and how they come to its host and leave it again.
import type { RequestContext, Uuid } from "@micronova/kit";
import type { StepEnv } from "@micronova/saga";
import type { Tx } from "@micronova/store";
import { completeAttachment, removeAttachment, volumes, volumeWorkerContract } from "@micronova/volume";
import { errors } from "./errors.ts";
import type { BlockDeviceMapping } from "./tables.ts";
import type { VolumeToAttach } from "./worker/contract.ts";

type Env = Pick<StepEnv, "rpc" | "store">;

export function blockDevicesOf(tx: Tx, serverId: Uuid): Promise<BlockDeviceMapping[]> {
  return tx
    .selectFrom("block_device_mappings")
    .selectAll()
    .where("server_id", "=", serverId)
    .orderBy("created_at")
    .orderBy("device_name")
    .execute();
}

/** Makes all of the server's volumes reachable from the host. */
export async function exportVolumes(env: Env, serverId: Uuid, host: string): Promise<VolumeToAttach[]> {
  const devices = await blockDevicesOf(env.store.read, serverId);
  return Promise.all(
    devices.map(async ({ volume_id, device_name, boot_index }) => {
      const connection = await exportVolume(env, volume_id, host);
      return { connection, device: device_name, bootIndex: boot_index };
    }),
  );
}

export async function exportVolume({ rpc, store }: Env, volumeId: Uuid, host: string) {
  const volume = await volumes.byId(store.read, volumeId);
  if (volume === null || volume.host === null) throw errors.volumeInvalid(`volume ${volumeId} is on no host`);
  const initiator = { host, ...(volume.multiattach === 1 ? { isShared: true } : {}) };
  return rpc.on(volumeWorkerContract, volume.host).export({ volumeId, initiator });
}

/** The host that has the volume's bytes; null when there is no such volume any more. */
async function homeOf(read: Tx, volumeId: Uuid): Promise<string | null> {
  return (await volumes.byId(read, volumeId))?.host ?? null;
}

export async function unexportVolumes(env: Env, serverId: Uuid, host: string): Promise<void> {
  const devices = await blockDevicesOf(env.store.read, serverId);
  for (const { volume_id } of devices) await unexportVolume(env, volume_id, host);
}

export async function unexportVolume({ rpc, store }: Env, volumeId: Uuid, host: string): Promise<void> {
  const from = await homeOf(store.read, volumeId);
  if (from === null) return;
  await rpc.on(volumeWorkerContract, from).unexport({ volumeId, initiator: { host } });
}

/** The guest has its volumes: each attachment says so. */
export async function completeVolumes(tx: Tx, serverId: Uuid, host: string): Promise<void> {
  for (const { attachment_id, device_name } of await blockDevicesOf(tx, serverId))
    await completeAttachment(tx, attachment_id, { device: device_name ?? "", host });
}

/** The server lets go of its volumes, which are free for others then. */
export async function releaseVolumes(tx: Tx, serverId: Uuid): Promise<BlockDeviceMapping[]> {
  const released = await tx
    .deleteFrom("block_device_mappings")
    .where("server_id", "=", serverId)
    .returningAll()
    .execute();
  for (const { attachment_id } of released) await removeAttachment(tx, attachment_id);
  return released;
}

/**
 * The server is gone for good: those of its volumes that end with it are noted, for the reconciler to delete.
 */
export async function endVolumes(tx: Tx, request: RequestContext, serverId: Uuid): Promise<void> {
  for (const { volume_id, delete_on_termination } of await releaseVolumes(tx, serverId)) {
    if (delete_on_termination === 0) continue;
    await tx
      .insertInto("doomed_volumes")
      .values({ volume_id, request: JSON.stringify(request) })
      .onConflict((conflict) => conflict.column("volume_id").doNothing())
      .execute();
  }
}
