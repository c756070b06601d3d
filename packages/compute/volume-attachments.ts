// Volumes of a server, as a user asks for them. A server and its volume change together: both say no before
// anything moves.
import type { RequestContext, Uuid } from "@micronova/kit";
import { isFault } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { beginDetach, reserveAttachment, volumes } from "@micronova/volume";
import type { ComputeDeps } from "./deps.ts";
import { nextDevice, rootDevice } from "./device-names.ts";
import { errors } from "./errors.ts";
import { volumeAttach } from "./sagas/volume-attach.ts";
import { volumeDetach } from "./sagas/volume-detach.ts";
import { begin } from "./server-state.ts";
import { blockDevicesOf } from "./server-volumes.ts";
import { getServer, serverSubject } from "./servers.ts";
import { actionWords } from "./states.ts";
import type { BlockDeviceMapping, Server } from "./tables.ts";

export interface AttachVolume {
  readonly serverId: Uuid;
  readonly volumeId: Uuid;
  readonly device: string | null;
  readonly tag: string | null;
  readonly deleteOnTermination: boolean;
}

type Starting = Pick<ComputeDeps, "sagas">;

export async function attachVolume(
  { sagas }: Starting,
  tx: Tx,
  context: RequestContext,
  wanted: AttachVolume,
): Promise<BlockDeviceMapping> {
  const { serverId, volumeId } = wanted;
  const server = await begin(tx, context, serverId, "attachVolume");
  const { host } = server;
  if (host === null) throw errors.serverNotReady(serverId);
  const mapping = await addMapping(tx, context, server, wanted);
  const { id, attachment_id, device_name } = mapping;
  const params = {
    serverId,
    host,
    volumeId,
    attachmentId: attachment_id,
    mappingId: id,
    device: device_name ?? "",
  };
  await sagas.start(tx, volumeAttach, params, {
    subject: serverSubject(serverId),
    request: context,
    action: actionWords.attachVolume.log,
  });
  return mapping;
}

/** The rows of an attachment to come: the volume is reserved, the device's name chosen. */
async function addMapping(
  tx: Tx,
  context: RequestContext,
  server: Server,
  { serverId, volumeId, device, tag, deleteOnTermination }: AttachVolume,
): Promise<BlockDeviceMapping> {
  const known = await blockDevicesOf(tx, serverId);
  if (known.some(({ volume_id }) => volume_id === volumeId))
    throw errors.volumeAlreadyAttached(volumeId, serverId);
  const taken = [server.root_device_name ?? rootDevice, ...known.map(({ device_name }) => device_name)];
  const device_name = nextDevice(taken, device);
  const attachmentId = newId(tx);
  await reserve(tx, context, { attachmentId, volumeId, serverId, host: server.host, device: device_name });
  return await tx
    .insertInto("block_device_mappings")
    .values({
      id: newId(tx),
      server_id: serverId,
      volume_id: volumeId,
      attachment_id: attachmentId,
      source_type: "volume",
      destination_type: "volume",
      boot_index: null,
      device_name,
      delete_on_termination: deleteOnTermination ? 1 : 0,
      tag,
      created_at: now(tx),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** What the volume service refuses with another status, Nova refuses with 400: the volume is not fit. */
export async function reserve(
  tx: Tx,
  context: RequestContext,
  wanted: Parameters<typeof reserveAttachment>[2],
): Promise<void> {
  try {
    await reserveAttachment(tx, context, wanted);
  } catch (error) {
    if (isFault(error) && error.status !== 404) throw errors.volumeInvalid(error.message);
    throw error;
  }
}

export async function detachVolume(
  { sagas }: Starting,
  tx: Tx,
  context: RequestContext,
  { serverId, volumeId }: { readonly serverId: Uuid; readonly volumeId: Uuid },
): Promise<void> {
  const mapping = await getMapping(tx, context, serverId, volumeId);
  if (mapping.boot_index === 0) throw errors.rootVolume();
  const { host } = await begin(tx, context, serverId, "detachVolume");
  if (host === null) throw errors.serverNotReady(serverId);
  await letGo(tx, mapping.attachment_id);
  const params = {
    serverId,
    host,
    volumeId,
    attachmentId: mapping.attachment_id,
    mappingId: mapping.id,
  };
  await sagas.start(tx, volumeDetach, params, {
    subject: serverSubject(serverId),
    request: context,
    action: actionWords.detachVolume.log,
  });
}

async function letGo(tx: Tx, attachmentId: Uuid): Promise<void> {
  try {
    await beginDetach(tx, attachmentId);
  } catch (error) {
    if (isFault(error) && error.status !== 404) throw errors.volumeInvalid(error.message);
    throw error;
  }
}

/** The server's attachments, the oldest first. */
export async function listMappings(
  tx: Tx,
  context: RequestContext,
  serverId: Uuid,
): Promise<BlockDeviceMapping[]> {
  await getServer(tx, context, serverId);
  return blockDevicesOf(tx, serverId);
}

export async function getMapping(
  tx: Tx,
  context: RequestContext,
  serverId: Uuid,
  volumeId: Uuid,
): Promise<BlockDeviceMapping> {
  const known = await listMappings(tx, context, serverId);
  const mapping = known.find(({ volume_id }) => volume_id === volumeId);
  if (mapping !== undefined) return mapping;
  if ((await volumes.byId(tx, volumeId)) === null) throw errors.volumeNotFound(volumeId);
  throw errors.volumeNotAttached(volumeId, serverId);
}

export async function setDeleteOnTermination(
  tx: Tx,
  mapping: BlockDeviceMapping,
  deleteOnTermination: boolean,
): Promise<void> {
  await tx
    .updateTable("block_device_mappings")
    .set({ delete_on_termination: deleteOnTermination ? 1 : 0 })
    .where("id", "=", mapping.id)
    .execute();
}
