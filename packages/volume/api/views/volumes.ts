// How a volume looks from outside, at each version.
import { always, betweenField, type Field, sinceField, type View, type ViewContext } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { shownAttachments } from "../../states.ts";
import type { Volume, VolumeAttachment } from "../../tables.ts";

/** A volume with what its view needs from other tables. */
export interface VolumeDetails {
  readonly volume: Volume;
  readonly attachments: readonly VolumeAttachment[];
  readonly typeName: string;
}

export const volumeSummaryView: View<Volume> = {
  id: always(({ id }) => id),
  links: always(linksOf),
  name: always(({ name }) => name),
};

type Getter = (volume: Volume, view: ViewContext) => unknown;
const plain = (get: Getter): Field<VolumeDetails> => always(({ volume }, view) => get(volume, view));
const adminOnly = (get: Getter): Field<VolumeDetails> => ({ ...plain(get), adminOnly: true });

/** What the answers to creation and update have. */
export const volumeView: View<VolumeDetails> = {
  attachments: always(attachmentsView),
  availability_zone: plain((volume) => volume.availability_zone),
  bootable: plain((volume) => (volume.bootable === 1 ? "true" : "false")),
  consistencygroup_id: plain(() => null),
  created_at: plain((volume) => isoMicros(volume.created_at)),
  description: plain((volume) => volume.description),
  encrypted: plain(() => false),
  id: plain((volume) => volume.id),
  links: plain(linksOf),
  metadata: plain((volume) => JSON.parse(volume.metadata)),
  migration_status: plain(() => null),
  multiattach: plain((volume) => volume.multiattach === 1),
  name: plain((volume) => volume.name),
  replication_status: plain(() => null),
  size: plain((volume) => volume.size),
  snapshot_id: plain(() => null),
  source_volid: plain(() => null),
  status: plain((volume) => volume.status),
  updated_at: plain((volume) => (volume.updated_at === null ? null : isoMicros(volume.updated_at))),
  user_id: plain((volume) => volume.user_id),
  volume_type: always(({ typeName }) => typeName),
  volume_image_metadata: plain((volume) =>
    volume.image_metadata === null ? undefined : JSON.parse(volume.image_metadata),
  ),
  group_id: sinceField("3.13", () => null),
  provider_id: { ...sinceField("3.21", () => null), adminOnly: true },
  service_uuid: sinceField("3.48", () => null),
  shared_targets: [betweenField("3.48", "3.68", () => false), sinceField("3.69", () => null)],
  cluster_name: { ...sinceField("3.61", () => null), adminOnly: true },
  volume_type_id: sinceField("3.63", ({ volume }) => volume.volume_type_id),
  consumes_quota: sinceField("3.65", () => true),
};

/** What a volume's show and the detailed list have besides. */
export const volumeDetailView: View<VolumeDetails> = {
  ...volumeView,
  "os-vol-host-attr:host": adminOnly((volume) => volume.pool),
  "os-vol-mig-status-attr:migstat": adminOnly(() => null),
  "os-vol-mig-status-attr:name_id": adminOnly(() => null),
  "os-vol-tenant-attr:tenant_id": plain((volume) => volume.project_id),
};

function attachmentsView({ attachments }: VolumeDetails, { context }: ViewContext): unknown {
  return attachments
    .filter(({ attach_status }) => shownAttachments.includes(attach_status))
    .map((attachment) => ({
      id: attachment.volume_id,
      attachment_id: attachment.id,
      volume_id: attachment.volume_id,
      server_id: attachment.server_id,
      host_name: context.isAdmin ? attachment.host : null,
      device: attachment.device,
      attached_at: attachment.attached_at === null ? null : isoMicros(attachment.attached_at),
    }));
}

function linksOf({ id, project_id }: Volume, { baseUrl, context }: ViewContext): unknown {
  // The project is in the address also for clients that left it out of theirs.
  const project = context.projectId ?? project_id;
  const root = baseUrl.endsWith(`/${project}`) ? baseUrl : `${baseUrl}/${project}`;
  const href = `${root}/volumes/${id}`;
  return [
    { rel: "self", href },
    { rel: "bookmark", href: href.replace("/v3/", "/") },
  ];
}
