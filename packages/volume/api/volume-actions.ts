// POST /volumes/:id/action: the calls of Cinder that change a volume's state or flags.
import { type ApiContext, actionRoute, actionsOf } from "@micronova/http";
import type { Uuid } from "@micronova/kit";
import { newId, type Tx } from "@micronova/store";
import {
  attachmentsOf,
  completeAttachment,
  move,
  removeAttachment,
  requireClientOwned,
  reserveAttachment,
} from "../attachments.ts";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import type { VolumeAttachment } from "../tables.ts";
import { resetStatus } from "../volume-reset.ts";
import { volumes } from "../volumes.ts";
import * as schemas from "./schemas.ts";

const action = actionsOf<VolumeDeps>();
const idOf = (params: Readonly<Record<string, string>>) => params["volume_id"]!;

const reserve = action({
  name: "os-reserve",
  policy: "volume_extension:volume_actions:reserve",
  schema: schemas.anything,
  success: 202,
  summary: "Takes an available volume for the caller.",
  async handle({ context, params }, { store }) {
    await store.transaction(async (tx) => {
      const attachmentId = newId(tx);
      const wanted = { attachmentId, volumeId: idOf(params), serverId: null, owner: "client" } as const;
      await reserveAttachment(tx, context, wanted);
      await move(tx, attachmentId, "connect", {});
    });
  },
});

const unreserve = action({
  name: "os-unreserve",
  policy: "volume_extension:volume_actions:unreserve",
  schema: schemas.anything,
  success: 202,
  summary: "Gives back a volume that was taken and not attached.",
  async handle({ context, params }, { store }) {
    await store.transaction(async (tx) => {
      const found = await clientAttachment(tx, context, idOf(params));
      if (found !== null && found.attached_at === null) await removeAttachment(tx, found.id);
    });
  },
});

const attach = action({
  name: "os-attach",
  policy: "volume_extension:volume_actions:attach",
  schema: schemas.attachSchema,
  success: 202,
  summary: "Says that the caller has attached the volume.",
  async handle({ context, params, body }, { store }) {
    await store.transaction(async (tx) => {
      const volumeId = idOf(params);
      const id = (await clientAttachment(tx, context, volumeId))?.id ?? newId(tx);
      const serverId = body.instance_uuid ?? null;
      const wanted = { attachmentId: id, volumeId, serverId, owner: "client" } as const;
      if ((await attachmentsOf(tx, [volumeId])).length === 0) await reserveAttachment(tx, context, wanted);
      await completeAttachment(tx, id, { device: body.mountpoint, host: body.host_name ?? "", serverId });
    });
  },
});

const detach = action({
  name: "os-detach",
  policy: "volume_extension:volume_actions:detach",
  schema: schemas.detachSchema,
  success: 202,
  summary: "Says that the caller no longer uses the volume.",
  async handle({ context, params }, { store }) {
    await store.transaction(async (tx) => {
      const found = await clientAttachment(tx, context, idOf(params));
      if (found !== null) await removeAttachment(tx, found.id);
    });
  },
});

const forceDetach = action({
  name: "os-force_detach",
  policy: "volume_extension:volume_admin_actions:force_detach",
  schema: schemas.forceDetachSchema,
  success: 202,
  summary: "Ends an attachment that a client made and left behind.",
  async handle({ context, params }, { store }) {
    await store.transaction(async (tx) => {
      const found = await clientAttachment(tx, context, idOf(params));
      if (found !== null) await removeAttachment(tx, found.id);
    });
  },
});

const beginDetaching = action({
  name: "os-begin_detaching",
  policy: "volume_extension:volume_actions:begin_detaching",
  schema: schemas.anything,
  success: 202,
  summary: "Says that the caller is about to detach the volume.",
  async handle({ context, params }, { store }) {
    await store.transaction((tx) => moveOwn(tx, context, idOf(params), "beginDetach"));
  },
});

const rollDetaching = action({
  name: "os-roll_detaching",
  policy: "volume_extension:volume_actions:roll_detaching",
  schema: schemas.anything,
  success: 202,
  summary: "Says that the volume was not detached after all.",
  async handle({ context, params }, { store }) {
    await store.transaction((tx) => moveOwn(tx, context, idOf(params), "rollDetach"));
  },
});

const extend = action({
  name: "os-extend",
  policy: "volume:extend",
  schema: schemas.extendSchema,
  success: 202,
  summary: "Makes an available volume larger.",
  async handle({ context, params, body }, deps) {
    const size = Number(body.new_size);
    await deps.store.transaction((tx) => volumes.extend(tx, deps, context, { id: idOf(params), size }));
  },
});

const reset = action({
  name: "os-reset_status",
  policy: "volume_extension:volume_admin_actions:reset_status",
  schema: schemas.resetStatusSchema,
  success: 202,
  summary: "Writes over a volume's status.",
  async handle({ context, params, body }, { store }) {
    await store.transaction((tx) => resetStatus(tx, context, idOf(params), body));
  },
});

const forceDelete = action({
  name: "os-force_delete",
  policy: "volume_extension:volume_admin_actions:force_delete",
  schema: schemas.anything,
  success: 202,
  summary: "Deletes a volume in any state but attached.",
  async handle({ context, params }, deps) {
    await deps.store.transaction((tx) => volumes.forceRemove(tx, deps, context, idOf(params)));
  },
});

const setBootable = action({
  name: "os-set_bootable",
  policy: "volume:update",
  schema: schemas.bootableSchema,
  success: 200,
  summary: "Says whether servers can boot from the volume.",
  async handle({ context, params, body }, { store }) {
    const bootable = schemas.isTrue(body.bootable) ? 1 : 0;
    await store.transaction((tx) => volumes.update(tx, context, idOf(params), { bootable }));
  },
});

const setReadonly = action({
  name: "os-update_readonly_flag",
  policy: "volume:update_readonly_flag",
  schema: schemas.readonlySchema,
  success: 202,
  summary: "Says whether the volume is attached read-only.",
  async handle({ context, params, body }, { store }) {
    const id = idOf(params);
    await store.transaction(async (tx) => {
      const [attached] = await attachmentsOf(tx, [(await volumes.get(tx, context, id)).id]);
      if (attached !== undefined) throw errors.cannotSetReadonly(id, attached.attach_status);
      await volumes.update(tx, context, id, { is_readonly: schemas.isTrue(body.readonly) ? 1 : 0 });
    });
  },
});

const setImageMetadata = action({
  name: "os-set_image_metadata",
  policy: "volume_extension:volume_image_metadata:set",
  schema: schemas.imageMetadataSchema,
  success: 200,
  summary: "Adds to what the volume says of its image.",
  async handle({ context, params, body }, { store }) {
    return await store.transaction(async (tx) => {
      const old = imageMetadataOf(await volumes.get(tx, context, idOf(params)));
      const metadata = { ...old, ...body.metadata };
      await volumes.update(tx, context, idOf(params), { image_metadata: JSON.stringify(metadata) });
      return { metadata };
    });
  },
});

const unsetImageMetadata = action({
  name: "os-unset_image_metadata",
  policy: "volume_extension:volume_image_metadata:remove",
  schema: schemas.imageMetadataKeySchema,
  success: 200,
  summary: "Removes a pair from what the volume says of its image.",
  async handle({ context, params, body }, { store }) {
    await store.transaction(async (tx) => {
      const old = imageMetadataOf(await volumes.get(tx, context, idOf(params)));
      const { [body.key]: removed, ...rest } = old;
      if (removed === undefined) throw errors.imageMetadataNotFound();
      await volumes.update(tx, context, idOf(params), { image_metadata: JSON.stringify(rest) });
    });
  },
});

const showImageMetadata = action({
  name: "os-show_image_metadata",
  policy: "volume_extension:volume_image_metadata:show",
  schema: schemas.anything,
  success: 200,
  summary: "Shows what the volume says of its image.",
  async handle({ context, params }, { store }) {
    return { metadata: imageMetadataOf(await volumes.get(store.read, context, idOf(params))) };
  },
});

const actions = [
  reserve,
  unreserve,
  attach,
  detach,
  forceDetach,
  beginDetaching,
  rollDetaching,
  extend,
  reset,
  forceDelete,
  setBootable,
  setReadonly,
  setImageMetadata,
  unsetImageMetadata,
  showImageMetadata,
];

export const volumeActionRoutes = [actionRoute<VolumeDeps>({ path: "/volumes/:volume_id/action", actions })];

/** The volume's attachment, which must be a client's; null when it has none. */
async function clientAttachment(
  tx: Tx,
  context: ApiContext,
  volumeId: Uuid,
): Promise<VolumeAttachment | null> {
  await volumes.get(tx, context, volumeId);
  const [found] = await attachmentsOf(tx, [volumeId]);
  if (found === undefined) return null;
  requireClientOwned(found);
  return found;
}

async function moveOwn(
  tx: Tx,
  context: ApiContext,
  volumeId: Uuid,
  name: "beginDetach" | "rollDetach",
): Promise<void> {
  const found = await clientAttachment(tx, context, volumeId);
  if (found === null) throw errors.notAttached(volumeId);
  await move(tx, found.id, name, {});
}

function imageMetadataOf(volume: { readonly image_metadata: string | null }): Record<string, string> {
  // Written by this package alone.
  return volume.image_metadata === null ? {} : (JSON.parse(volume.image_metadata) as Record<string, string>);
}
