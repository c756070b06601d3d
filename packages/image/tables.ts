// Rows of the tables image owns.
import type { Millis, Uuid } from "@micronova/kit";
import type { ImageStatus } from "./states.ts";

export type Visibility = "public" | "private" | "shared" | "community";

export interface ImageTable {
  id: Uuid;
  name: string | null;
  /** The project. */
  owner: string | null;
  status: ImageStatus;
  visibility: Visibility;
  protected: number;
  os_hidden: number;
  /** MD5, as Glance has it. */
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  size: number | null;
  virtual_size: number | null;
  container_format: string | null;
  disk_format: string | null;
  min_ram: number;
  min_disk: number;
  created_at: Millis;
  updated_at: Millis;
  /** The upload that may finish; another's end finds no row. */
  upload_id: Uuid | null;
  /** The API that takes it, and what it raises as long as it does: a time by its own clock. */
  upload_owner: string | null;
  upload_until: Millis | null;
  /** Where the bytes lie; null while there are none. */
  path: string | null;
}

export interface ImagePropertyTable {
  image_id: Uuid;
  name: string;
  value: string;
}

export interface ImageTagTable {
  image_id: Uuid;
  tag: string;
}

export type MemberStatus = "pending" | "accepted" | "rejected";

export interface ImageMemberTable {
  image_id: Uuid;
  /** The project the image is shared with. */
  member_id: string;
  status: MemberStatus;
  created_at: Millis;
  updated_at: Millis;
}

/** What addresses of images' bytes are signed with, for hosts that fetch them. */
export interface ImageDataKeyTable {
  ordinal: number;
  secret: string;
  created_at: Millis;
}

declare module "@micronova/store" {
  interface Tables {
    images: ImageTable;
    image_properties: ImagePropertyTable;
    image_tags: ImageTagTable;
    image_members: ImageMemberTable;
    image_data_keys: ImageDataKeyTable;
  }
}
