// Volumes of a server.
import {
  always,
  reply,
  routesOf,
  since,
  sinceField,
  Type,
  untilField,
  type View,
  versioned,
} from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import type { BlockDeviceMapping } from "../tables.ts";
import {
  attachVolume,
  detachVolume,
  getMapping,
  listMappings,
  setDeleteOnTermination,
} from "../volume-attachments.ts";
import { boolLike, readBool, tag, uuid } from "./schemas/parts.ts";

const route = routesOf<ComputeDeps>();
const collection = "/servers/:server_id/os-volume_attachments";
const one = `${collection}/:volume_id`;

/** In lists and alone; an answer to an attachment keeps the old `id` for ever. */
const attachmentView: View<BlockDeviceMapping> = {
  id: untilField("2.88", ({ volume_id }) => volume_id),
  ...commonFields(),
  attachment_id: sinceField("2.89", ({ attachment_id }) => attachment_id),
  bdm_uuid: sinceField("2.89", ({ id }) => id),
};
const attachedView: View<BlockDeviceMapping> = {
  id: always(({ volume_id }) => volume_id),
  ...commonFields(),
};

function commonFields(): View<BlockDeviceMapping> {
  return {
    volumeId: always(({ volume_id }) => volume_id),
    serverId: always(({ server_id }) => server_id),
    device: always(({ device_name }) => device_name),
    tag: sinceField("2.70", (mapping) => mapping.tag),
    delete_on_termination: sinceField("2.79", ({ delete_on_termination }) => delete_on_termination === 1),
  };
}

const device = Type.Union([
  Type.String({ pattern: "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$" }),
  Type.Null(),
]);
const attachBody = Type.Object(
  {
    volumeAttachment: Type.Object(
      {
        volumeId: uuid,
        device: Type.Optional(device),
        tag: Type.Optional(versioned(since("2.49"), tag)),
        delete_on_termination: Type.Optional(versioned(since("2.79"), boolLike)),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

const listAttachments = route({
  method: "GET",
  path: collection,
  policy: "os_compute_api:os-volumes-attachments:index",
  success: 200,
  summary: "Lists a server's volumes.",
  async handle(request, { store }) {
    const mappings = await listMappings(store.read, request.context, request.params["server_id"]!);
    return { volumeAttachments: mappings.map((mapping) => request.render(attachmentView, mapping)) };
  },
});

const showAttachment = route({
  method: "GET",
  path: one,
  policy: "os_compute_api:os-volumes-attachments:show",
  success: 200,
  summary: "Shows how a volume is attached to the server.",
  async handle(request, { store }) {
    const { server_id = "", volume_id = "" } = request.params;
    const mapping = await getMapping(store.read, request.context, server_id, volume_id);
    return { volumeAttachment: request.render(attachmentView, mapping) };
  },
});

const attach = route({
  method: "POST",
  path: collection,
  policy: "os_compute_api:os-volumes-attachments:create",
  body: attachBody,
  success: 200,
  summary: "Attaches a volume to a server.",
  async handle(request, deps) {
    const { volumeAttachment: body } = request.body;
    const wanted = {
      serverId: request.params["server_id"]!,
      volumeId: body.volumeId,
      device: body.device ?? null,
      tag: body.tag ?? null,
      deleteOnTermination: readBool(body.delete_on_termination) ?? false,
    };
    const mapping = await deps.store.transaction((tx) => attachVolume(deps, tx, request.context, wanted));
    if (request.does(since("2.101"))) return reply({ status: 202, body: null });
    return { volumeAttachment: request.render(attachedView, mapping) };
  },
});

const updateBody = Type.Object(
  {
    volumeAttachment: Type.Object(
      {
        volumeId: uuid,
        device: Type.Optional(versioned(since("2.85"), device)),
        tag: Type.Optional(versioned(since("2.85"), Type.Union([tag, Type.Null()]))),
        delete_on_termination: Type.Optional(versioned(since("2.85"), boolLike)),
        serverId: Type.Optional(versioned(since("2.85"), uuid)),
        id: Type.Optional(versioned(since("2.85"), uuid)),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

const updateAttachment = route({
  method: "PUT",
  path: one,
  policy: "os_compute_api:os-volumes-attachments:update",
  body: updateBody,
  success: 202,
  summary: "Changes whether the volume ends with the server.",
  async handle(request, { store }) {
    const { server_id = "", volume_id = "" } = request.params;
    const { volumeAttachment: body } = request.body;
    const isKept = readBool(body.delete_on_termination);
    if (body.volumeId !== volume_id) throw errors.notSupported("Swapping volumes");
    await store.transaction(async (tx) => {
      const mapping = await getMapping(tx, request.context, server_id, volume_id);
      if (isKept !== null) await setDeleteOnTermination(tx, mapping, isKept);
    });
    return null;
  },
});

const detach = route({
  method: "DELETE",
  path: one,
  policy: "os_compute_api:os-volumes-attachments:delete",
  success: 202,
  summary: "Detaches a volume from the server.",
  async handle(request, deps) {
    const { server_id = "", volume_id = "" } = request.params;
    const wanted = { serverId: server_id, volumeId: volume_id };
    await deps.store.transaction((tx) => detachVolume(deps, tx, request.context, wanted));
    return null;
  },
});

export const volumeAttachmentRoutes = [listAttachments, showAttachment, attach, updateAttachment, detach];
