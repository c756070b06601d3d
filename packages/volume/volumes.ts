// The noun: making, finding, changing volumes, and moving them through their states. No HTTP, no messages.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import type { SagaStarter } from "./deps.ts";
import type { VolumeSource } from "./drivers/driver.ts";
import { errors } from "./errors.ts";
import { requireQuota } from "./quotas.ts";
import { volumeCreate } from "./sagas/volume-create.ts";
import { volumeDelete } from "./sagas/volume-delete.ts";
import { volumeExtend } from "./sagas/volume-extend.ts";
import { sourceImage } from "./source-image.ts";
import { frozenStatuses, initialStatus, ruleOf, type VolumeAction } from "./states.ts";
import type { Volume } from "./tables.ts";
import { defaultTypeName, volumeTypes } from "./types.ts";

export interface NewVolume {
  /** In GB. */
  readonly size: number;
  readonly name?: string | null;
  readonly description?: string | null;
  /** Id or name; absent is the default type. */
  readonly volume_type?: string | null;
  readonly availability_zone?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly imageRef?: string | null;
  /** Chosen by the caller when a saga of its own needs to know it. */
  readonly id?: Uuid;
}

/** Cinder's name of the one zone there is. */
export const zone = "nova";

export const volumes = {
  create,
  get,
  byId,
  update,
  remove,
  forceRemove,
  extend,
  begin,
  finish,
  fail,
  setMetadata,
  writeMetadata,
};

/** The rows of a volume and the saga that makes it; the answer is in status `creating`. */
async function create(
  tx: Tx,
  { sagas }: SagaStarter,
  context: RequestContext,
  wanted: NewVolume,
): Promise<Volume> {
  const type = await volumeTypes.find(tx, context, wanted.volume_type ?? defaultTypeName);
  const zoneName = wanted.availability_zone ?? zone;
  if (zoneName !== zone) throw errors.unknownZone(zoneName);
  const image = await sourceImage(tx, context, wanted.imageRef ?? null, wanted.size);
  const { projectId, userId } = context;
  if (projectId === null) throw errors.noProject();
  const { size } = wanted;
  await requireQuota(tx, projectId, { volumes: 1, gigabytes: size, size, typeId: type.id });
  const id: Uuid = wanted.id ?? newId(tx);
  const volume = await tx
    .insertInto("volumes")
    .values({
      id,
      project_id: projectId,
      user_id: userId ?? "",
      name: wanted.name ?? null,
      description: wanted.description ?? null,
      size,
      new_size: null,
      status: initialStatus,
      availability_zone: zoneName,
      volume_type_id: type.id,
      host: null,
      pool: null,
      bootable: 0,
      is_readonly: 0,
      multiattach: 0,
      metadata: JSON.stringify(wanted.metadata ?? {}),
      image_id: image?.id ?? null,
      image_metadata: image === null ? null : JSON.stringify(image.metadata),
      created_at: now(tx),
      updated_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const source: VolumeSource = image?.source ?? { kind: "blank" };
  const params = { volumeId: volume.id, sizeGb: size, source };
  await sagas.start(tx, volumeCreate, params, { subject: subjectOf(volume.id), request: context });
  return volume;
}

/** The volume if the caller may know of it. */
async function get(tx: Tx, context: RequestContext, id: Uuid): Promise<Volume> {
  const volume = await byId(tx, id);
  if (volume === null || (!context.isAdmin && volume.project_id !== context.projectId)) {
    throw errors.volumeNotFound(id);
  }
  return volume;
}

async function byId(tx: Tx, id: Uuid): Promise<Volume | null> {
  return (await tx.selectFrom("volumes").selectAll().where("id", "=", id).executeTakeFirst()) ?? null;
}

export type VolumeChanges = Partial<
  Pick<Volume, "name" | "description" | "bootable" | "is_readonly" | "metadata" | "image_metadata">
>;

async function update(tx: Tx, context: RequestContext, id: Uuid, changes: VolumeChanges): Promise<Volume> {
  const before = await get(tx, context, id);
  const after = await tx
    .updateTable("volumes")
    .set({ ...changes, updated_at: now(tx) })
    .where("id", "=", id)
    .where("status", "not in", frozenStatuses)
    .returningAll()
    .executeTakeFirst();
  if (after === undefined) throw errors.cannotChange(id, before.status);
  return after;
}

/** Lays the given pairs over the metadata, or replaces it as a whole. */
async function setMetadata(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  pairs: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const volume = await get(tx, context, id);
  // Written by this file alone.
  const old = JSON.parse(volume.metadata) as Readonly<Record<string, string>>;
  return writeMetadata(tx, context, id, { ...old, ...pairs });
}

async function writeMetadata(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  metadata: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  await update(tx, context, id, { metadata: JSON.stringify(metadata) });
  return metadata;
}

/** Begins the deletion; the row goes once the bytes are wiped. */
async function remove(tx: Tx, deps: SagaStarter, context: RequestContext, id: Uuid): Promise<void> {
  await get(tx, context, id);
  await startDelete(tx, deps, context, await begin(tx, id, "delete"));
}

/**
 * As `remove`, from any state but that of an attached volume; what still runs on the volume unwinds first.
 */
async function forceRemove(tx: Tx, deps: SagaStarter, context: RequestContext, id: Uuid): Promise<void> {
  await get(tx, context, id);
  const volume = await begin(tx, id, "forceDelete");
  await deps.sagas.cancel(tx, subjectOf(id));
  await startDelete(tx, deps, context, volume);
}

async function startDelete(
  tx: Tx,
  { sagas }: SagaStarter,
  context: RequestContext,
  volume: Volume,
): Promise<void> {
  const params = { volumeId: volume.id };
  await sagas.start(tx, volumeDelete, params, { subject: subjectOf(volume.id), request: context });
}

async function extend(
  tx: Tx,
  { sagas }: SagaStarter,
  context: RequestContext,
  { id, size }: { readonly id: Uuid; readonly size: number },
): Promise<void> {
  const before = await get(tx, context, id);
  if (size <= before.size) throw errors.newSizeTooSmall(before.size, size);
  const gigabytes = size - before.size;
  await requireQuota(tx, before.project_id, { volumes: 0, gigabytes, size, typeId: before.volume_type_id });
  await begin(tx, id, "extend");
  await tx.updateTable("volumes").set({ new_size: size }).where("id", "=", id).execute();
  const params = { volumeId: id, sizeGb: size };
  await sagas.start(tx, volumeExtend, params, { subject: subjectOf(id), request: context });
}

function subjectOf(volumeId: Uuid): { readonly kind: string; readonly id: Uuid } {
  return { kind: "volume", id: volumeId };
}

/** Takes the volume for one action. Exactly one of several callers succeeds. */
async function begin(tx: Tx, id: Uuid, action: VolumeAction): Promise<Volume> {
  const { from, task } = ruleOf(action);
  const volume = await tx
    .updateTable("volumes")
    .set({ status: task, updated_at: now(tx) })
    .where("id", "=", id)
    .where("status", "in", from)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom("volume_attachments").select("id").where("volume_id", "=", id))),
    )
    .returningAll()
    .executeTakeFirst();
  if (volume === undefined) throw await whyNot(tx, id, action);
  return volume;
}

async function whyNot(tx: Tx, id: Uuid, action: VolumeAction): Promise<Error> {
  const volume = await byId(tx, id);
  if (volume === null) return errors.volumeNotFound(id);
  const said: Readonly<Partial<Record<VolumeAction, Error>>> = {
    delete: errors.cannotDelete(),
    forceDelete: errors.cannotDelete(),
    extend: errors.cannotExtend(id, volume.status),
    reserve: errors.cannotReserve(id, volume.status),
  };
  return said[action] ?? errors.cannotMove(id, action, volume.status);
}

/** The action succeeded. Does nothing when an administrator has written over the status meanwhile. */
async function finish(tx: Tx, id: Uuid, action: VolumeAction, changes: Partial<Volume> = {}): Promise<void> {
  await end(tx, id, action, { ...changes, status: ruleOf(action).to });
}

/** The action failed and was undone. */
async function fail(tx: Tx, id: Uuid, action: VolumeAction, changes: Partial<Volume> = {}): Promise<void> {
  await end(tx, id, action, { ...changes, status: ruleOf(action).fail });
}

async function end(tx: Tx, id: Uuid, action: VolumeAction, changes: Partial<Volume>): Promise<void> {
  await tx
    .updateTable("volumes")
    .set({ ...changes, updated_at: now(tx) })
    .where("id", "=", id)
    .where("status", "=", ruleOf(action).task)
    .execute();
}
