// The schema of volumes, in SQL of the subset that both engines have.
import type { Migration } from "@micronova/store";

export const volumeMigrations: Migration[] = [
  {
    id: "volume/0001-volumes",
    sql: [
      `CREATE TABLE volume_types (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT, is_public INTEGER NOT NULL,
        extra_specs TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT)`,
      `CREATE TABLE volume_type_access (
        volume_type_id TEXT NOT NULL REFERENCES volume_types (id), project_id TEXT NOT NULL,
        PRIMARY KEY (volume_type_id, project_id))`,
      `CREATE TABLE volumes (
        id TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT, description TEXT,
        size INTEGER NOT NULL, new_size INTEGER, status TEXT NOT NULL, availability_zone TEXT NOT NULL,
        volume_type_id TEXT NOT NULL REFERENCES volume_types (id), host TEXT, pool TEXT,
        bootable INTEGER NOT NULL, is_readonly INTEGER NOT NULL, multiattach INTEGER NOT NULL,
        metadata TEXT NOT NULL, image_id TEXT, image_metadata TEXT,
        created_at BIGINT NOT NULL, updated_at BIGINT)`,
      "CREATE INDEX volumes_of_project ON volumes (project_id, created_at, id)",
      "CREATE INDEX volumes_of_host ON volumes (host)",
      "CREATE INDEX volumes_of_type ON volumes (volume_type_id)",
      `CREATE TABLE volume_attachments (
        id TEXT PRIMARY KEY, volume_id TEXT NOT NULL REFERENCES volumes (id), project_id TEXT NOT NULL,
        server_id TEXT, owner TEXT NOT NULL, attach_status TEXT NOT NULL, attach_mode TEXT NOT NULL,
        host TEXT, device TEXT, connector TEXT, attached_at BIGINT, created_at BIGINT NOT NULL)`,
      // No volume has two writers: the engine itself refuses the second.
      "CREATE UNIQUE INDEX volume_attachments_one ON volume_attachments (volume_id)",
      "CREATE INDEX volume_attachments_of_server ON volume_attachments (server_id)",
      `CREATE TABLE volume_quotas (
        project_id TEXT NOT NULL, resource TEXT NOT NULL, hard_limit INTEGER NOT NULL,
        PRIMARY KEY (project_id, resource))`,
      "CREATE TABLE volume_quota_gates (project_id TEXT PRIMARY KEY, checks INTEGER NOT NULL)",
      `CREATE TABLE volume_services (
        host TEXT PRIMARY KEY, backend TEXT NOT NULL, pool TEXT NOT NULL, mode TEXT NOT NULL,
        total_gb INTEGER NOT NULL, free_gb INTEGER NOT NULL, is_disabled INTEGER NOT NULL,
        disabled_reason TEXT, last_seen BIGINT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE volume_messages (
        id TEXT PRIMARY KEY, project_id TEXT NOT NULL, volume_id TEXT NOT NULL, request_id TEXT NOT NULL,
        event_id TEXT NOT NULL, user_message TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      "CREATE INDEX volume_messages_of_project ON volume_messages (project_id, created_at)",
    ],
  },
];
