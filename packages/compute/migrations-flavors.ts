// The tables of flavors.
import type { Migration } from "@micronova/store";

export const flavorMigrations: readonly Migration[] = [
  {
    id: "compute/0002-flavors",
    sql: [
      `CREATE TABLE flavors (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, vcpus INTEGER NOT NULL,
        ram INTEGER NOT NULL, disk INTEGER NOT NULL, ephemeral INTEGER NOT NULL, swap INTEGER NOT NULL,
        rxtx_factor REAL NOT NULL, is_public INTEGER NOT NULL, description TEXT, extra_specs TEXT NOT NULL,
        created_at BIGINT NOT NULL)`,
      `CREATE TABLE flavor_access (flavor_id TEXT NOT NULL, project_id TEXT NOT NULL,
        PRIMARY KEY (flavor_id, project_id))`,
    ],
  },
];
