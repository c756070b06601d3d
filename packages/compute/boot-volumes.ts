// Volumes that a server is booted with: its root disk, or disks besides. They are reserved with the server's
// own rows.
import { isFault, type RequestContext, type Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { nextDevice, rootDevice } from "./device-names.ts";
import { errors } from "./errors.ts";
import type { Server } from "./tables.ts";
import { reserve } from "./volume-attachments.ts";

export interface BootVolume {
  readonly volumeId: Uuid;
  /** 0 is the root disk; null is not booted from. */
  readonly bootIndex: number | null;
  readonly device: string | null;
  readonly deleteOnTermination: boolean;
  readonly tag: string | null;
}

/** Whether there are any. */
export async function addBootVolumes(
  tx: Tx,
  context: RequestContext,
  server: Server,
  wanted: readonly BootVolume[],
): Promise<boolean> {
  const taken: string[] = [];
  if (wanted.every(({ bootIndex }) => bootIndex !== 0)) taken.push(rootDevice);
  for (const { volumeId, bootIndex, device, deleteOnTermination, tag } of wanted) {
    const device_name = bootIndex === 0 ? rootDevice : nextDevice([rootDevice, ...taken], device);
    taken.push(device_name);
    const attachmentId = newId(tx);
    await take(tx, context, { attachmentId, volumeId, serverId: server.id, device: device_name });
    await tx
      .insertInto("block_device_mappings")
      .values({
        id: newId(tx),
        server_id: server.id,
        volume_id: volumeId,
        attachment_id: attachmentId,
        source_type: "volume",
        destination_type: "volume",
        boot_index: bootIndex,
        device_name,
        delete_on_termination: deleteOnTermination ? 1 : 0,
        tag,
        created_at: now(tx),
      })
      .execute();
  }
  return wanted.length > 0;
}

/** A volume that is not there is a mistake of the request. */
async function take(tx: Tx, context: RequestContext, wanted: Parameters<typeof reserve>[2]): Promise<void> {
  try {
    await reserve(tx, context, wanted);
  } catch (error) {
    if (!isFault(error) || error.status !== 404) throw error;
    throw errors.blockDeviceInvalid(`failed to get volume ${wanted.volumeId}`);
  }
}
