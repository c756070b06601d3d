// Image's schema, in order.
import type { Migration } from "@micronova/store";

export const imageMigrations: Migration[] = [
  {
    id: "image/0001-images",
    sql: [
      `CREATE TABLE images (id TEXT PRIMARY KEY, name TEXT, owner TEXT, status TEXT NOT NULL,
        visibility TEXT NOT NULL, protected INTEGER NOT NULL, os_hidden INTEGER NOT NULL, checksum TEXT,
        os_hash_algo TEXT, os_hash_value TEXT, size BIGINT, virtual_size BIGINT, container_format TEXT,
        disk_format TEXT, min_ram BIGINT NOT NULL, min_disk BIGINT NOT NULL, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL, upload_id TEXT, path TEXT)`,
      "CREATE INDEX images_owner ON images (owner)",
      "CREATE INDEX images_created ON images (created_at, id)",
      `CREATE TABLE image_properties (image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (image_id, name))`,
      `CREATE TABLE image_tags (image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        tag TEXT NOT NULL, PRIMARY KEY (image_id, tag))`,
      `CREATE TABLE image_members (image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        member_id TEXT NOT NULL, status TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
        PRIMARY KEY (image_id, member_id))`,
      "CREATE INDEX image_members_member ON image_members (member_id)",
    ],
  },
  {
    id: "image/0002-many-apis",
    sql: [
      "CREATE TABLE image_data_keys (ordinal BIGINT PRIMARY KEY, secret TEXT NOT NULL, created_at BIGINT NOT NULL)",
      "ALTER TABLE images ADD COLUMN upload_owner TEXT",
      "ALTER TABLE images ADD COLUMN upload_until BIGINT",
    ],
  },
];
