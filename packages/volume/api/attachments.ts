// /attachments (from 3.27 on): who uses a volume, for clients that attach volumes to something else than
// servers here.
import {
  type ApiRequest,
  actionRoute,
  actionsOf,
  always,
  reply,
  routesOf,
  since,
  type View,
} from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { newId } from "@micronova/store";
import {
  type AttachmentFilter,
  completeAttachment,
  getAttachment,
  listAttachments,
  move,
  removeAttachment,
  requireClientOwned,
  reserveAttachment,
} from "../attachments.ts";
import type { VolumeDeps } from "../deps.ts";
import type { VolumeAttachment } from "../tables.ts";
import { anything, createAttachmentBody, isTrue, updateAttachmentBody } from "./schemas.ts";

const route = routesOf<VolumeDeps>();
const action = actionsOf<VolumeDeps>();
const present = since("3.27");

const summaryView: View<VolumeAttachment> = {
  id: always(({ id }) => id),
  instance: always(({ server_id }) => server_id),
  status: always(({ attach_status }) => attach_status),
  volume_id: always(({ volume_id }) => volume_id),
};
const detailView: View<VolumeAttachment> = {
  ...summaryView,
  attached_at: always(({ attached_at }) => (attached_at === null ? "" : isoMicros(attached_at))),
  // The record goes when the volume is detached, so that it has no such time.
  detached_at: always(() => ""),
  attach_mode: always(({ attach_mode }) => attach_mode),
  connection_info: always(({ connector }) => (connector === null ? {} : { attach_mode: "rw" })),
};

const listSummaries = route({
  method: "GET",
  path: "/attachments",
  policy: "volume:attachment_list",
  success: 200,
  ...present,
  summary: "Lists attachments with their volume and server.",
  async handle(request, { store }) {
    const found = await listAttachments(store.read, filterOf(request));
    return { attachments: found.map((one) => request.render(summaryView, one)) };
  },
});

const listDetails = route({
  method: "GET",
  path: "/attachments/detail",
  policy: "volume:attachment_list",
  success: 200,
  ...present,
  summary: "Lists attachments with all their fields.",
  async handle(request, { store }) {
    const found = await listAttachments(store.read, filterOf(request));
    return { attachments: found.map((one) => request.render(detailView, one)) };
  },
});

const show = route({
  method: "GET",
  path: "/attachments/:attachment_id",
  policy: "volume:attachment_list",
  success: 200,
  ...present,
  summary: "Shows an attachment.",
  async handle(request, { store }) {
    const found = await getAttachment(store.read, request.context, request.params["attachment_id"]!);
    return { attachment: request.render(detailView, found) };
  },
});

const create = route({
  method: "POST",
  path: "/attachments",
  policy: "volume:attachment_create",
  body: createAttachmentBody,
  success: 200,
  ...present,
  summary: "Reserves a volume; with a connector it is being attached.",
  async handle(request, { store }) {
    const { volume_uuid, instance_uuid, connector, mode } = request.body.attachment;
    const made = await store.transaction(async (tx) => {
      const id = newId(tx);
      await reserveAttachment(tx, request.context, {
        attachmentId: id,
        volumeId: volume_uuid,
        serverId: instance_uuid ?? null,
        owner: "client",
        ...(mode === undefined ? {} : { mode }),
      });
      if (connector) await move(tx, id, "connect", connectedBy(connector));
      return getAttachment(tx, request.context, id);
    });
    return { attachment: request.render(detailView, made) };
  },
});

const update = route({
  method: "PUT",
  path: "/attachments/:attachment_id",
  policy: "volume:attachment_update",
  body: updateAttachmentBody,
  success: 200,
  ...present,
  summary: "Tells who connects to the reserved volume.",
  async handle(request, { store }) {
    const id = request.params["attachment_id"]!;
    const changed = await store.transaction(async (tx) => {
      requireClientOwned(await getAttachment(tx, request.context, id));
      return move(tx, id, "connect", connectedBy(request.body.attachment.connector));
    });
    return { attachment: request.render(detailView, changed) };
  },
});

const remove = route({
  method: "DELETE",
  path: "/attachments/:attachment_id",
  policy: "volume:attachment_delete",
  success: 200,
  ...present,
  summary: "Ends an attachment that a client made; the volume is free.",
  async handle(request, { store }) {
    const id = request.params["attachment_id"]!;
    await store.transaction(async (tx) => {
      requireClientOwned(await getAttachment(tx, request.context, id));
      await removeAttachment(tx, id);
    });
    return reply({ body: { attachments: [] } });
  },
});

const complete = action({
  name: "os-complete",
  policy: "volume:attachment_complete",
  schema: anything,
  success: 204,
  ...since("3.44"),
  summary: "Says that the volume is attached.",
  async handle({ context, params }, { store }) {
    const id = params["attachment_id"]!;
    await store.transaction(async (tx) => {
      const found = await getAttachment(tx, context, id);
      requireClientOwned(found);
      await completeAttachment(tx, id, { device: found.device ?? "", host: found.host ?? "" });
    });
  },
});

export const attachmentRoutes = [
  listSummaries,
  listDetails,
  show,
  create,
  update,
  remove,
  actionRoute<VolumeDeps>({ path: "/attachments/:attachment_id/action", actions: [complete] }),
];

function connectedBy(connector: Readonly<Record<string, unknown>>): Partial<VolumeAttachment> {
  const { host, mountpoint } = connector;
  return {
    connector: JSON.stringify(connector),
    host: typeof host === "string" ? host : null,
    device: typeof mountpoint === "string" ? mountpoint : null,
  };
}

function filterOf({
  query,
  context,
}: Pick<ApiRequest<unknown, unknown>, "query" | "context">): AttachmentFilter {
  // A route without a schema has the query as it came: text, or several texts.
  const { volume_id, instance_id, all_tenants } = query as Readonly<Record<string, unknown>>;
  const everyone = context.isAdmin && typeof all_tenants === "string" && isTrue(all_tenants);
  return {
    projectId: everyone ? null : (context.projectId ?? ""),
    ...(typeof volume_id === "string" ? { volumeId: volume_id } : {}),
    ...(typeof instance_id === "string" ? { serverId: instance_id } : {}),
  };
}
