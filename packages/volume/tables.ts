// Rows of the tables of volumes. Times are milliseconds, booleans 0 or 1, and columns whose comment says JSON
// hold JSON as text. A deleted volume's row is gone; so is an attachment's once the volume is detached.
import type { Millis, Uuid } from "@micronova/kit";
import type { AttachStatus, VolumeStatus } from "./states.ts";

export interface VolumeTable {
  id: Uuid;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  /** In GB. */
  size: number;
  /** The size it is being extended to; counted by quotas from the moment it is asked for. */
  new_size: number | null;
  status: VolumeStatus;
  availability_zone: string;
  volume_type_id: Uuid;
  /** The worker that has it (`h1`); null until one is chosen. */
  host: string | null;
  /** How the API names its place: `h1@lvm#lvm`. */
  pool: string | null;
  bootable: number;
  is_readonly: number;
  multiattach: number;
  /** JSON object of strings. */
  metadata: string;
  image_id: Uuid | null;
  /** JSON object of strings: the image's properties, copied when the volume was made of it. */
  image_metadata: string | null;
  created_at: Millis;
  updated_at: Millis | null;
}

export interface VolumeAttachmentTable {
  id: Uuid;
  volume_id: Uuid;
  project_id: string;
  /** The server; null when something else than a server of this cloud uses the volume. */
  server_id: Uuid | null;
  /** Who made it and alone may end it: compute for its servers, or a client of the attachments API. */
  owner: "compute" | "client";
  attach_status: AttachStatus;
  attach_mode: string;
  /** The host that uses the volume. */
  host: string | null;
  device: string | null;
  /** JSON, as a client of the attachments API gave it. */
  connector: string | null;
  attached_at: Millis | null;
  created_at: Millis;
}

export interface VolumeTypeTable {
  id: Uuid;
  name: string;
  description: string | null;
  is_public: number;
  /** JSON object of strings. */
  extra_specs: string;
  created_at: Millis;
  updated_at: Millis | null;
}

/** Who besides administrators may use a type that is not public. */
export interface VolumeTypeAccessTable {
  volume_type_id: Uuid;
  project_id: string;
}

export interface VolumeQuotaTable {
  project_id: string;
  resource: string;
  hard_limit: number;
}

/** One row a project, taken by whoever checks a quota, so that checks of one project never overlap. */
export interface VolumeQuotaGateTable {
  project_id: string;
  checks: number;
}

/** A volume worker and the pool it keeps, as last reported. */
export interface VolumeServiceTable {
  host: string;
  backend: string;
  pool: string;
  mode: string;
  total_gb: number;
  free_gb: number;
  is_disabled: number;
  disabled_reason: string | null;
  last_seen: Millis;
  created_at: Millis;
}

/** What went wrong with a volume, for the user. */
export interface VolumeMessageTable {
  id: Uuid;
  project_id: string;
  volume_id: Uuid;
  request_id: string;
  event_id: string;
  user_message: string;
  created_at: Millis;
}

declare module "@micronova/store" {
  interface Tables {
    volumes: VolumeTable;
    volume_attachments: VolumeAttachmentTable;
    volume_types: VolumeTypeTable;
    volume_type_access: VolumeTypeAccessTable;
    volume_quotas: VolumeQuotaTable;
    volume_quota_gates: VolumeQuotaGateTable;
    volume_services: VolumeServiceTable;
    volume_messages: VolumeMessageTable;
  }
}

export type Volume = VolumeTable;
export type VolumeAttachment = VolumeAttachmentTable;
export type VolumeType = VolumeTypeTable;
export type VolumeServiceRow = VolumeServiceTable;
export type VolumeMessage = VolumeMessageTable;
