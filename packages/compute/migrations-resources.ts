// The tables of key pairs, quotas, aggregates and server groups.
import type { Migration } from "@micronova/store";

export const resourceMigrations: readonly Migration[] = [
  {
    id: "compute/0003-resources",
    sql: [
      `CREATE TABLE keypairs (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
        public_key TEXT NOT NULL, fingerprint TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (user_id, name))`,
      `CREATE TABLE quotas (project_id TEXT NOT NULL, user_id TEXT NOT NULL, resource TEXT NOT NULL,
        hard_limit INTEGER NOT NULL, PRIMARY KEY (project_id, user_id, resource))`,
      "CREATE TABLE quota_classes (resource TEXT PRIMARY KEY, hard_limit INTEGER NOT NULL)",
      `CREATE TABLE aggregates (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, name TEXT NOT NULL,
        metadata TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT, deleted_at BIGINT)`,
      "CREATE UNIQUE INDEX aggregates_by_name ON aggregates (name) WHERE deleted_at IS NULL",
      `CREATE TABLE aggregate_hosts (aggregate_id INTEGER NOT NULL, host TEXT NOT NULL,
        PRIMARY KEY (aggregate_id, host))`,
      `CREATE TABLE server_groups (id TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL,
        name TEXT NOT NULL, policy TEXT NOT NULL, rules TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      "CREATE INDEX server_groups_by_project ON server_groups (project_id, created_at)",
    ],
  },
  {
    id: "compute/0004-usage",
    // Quotas count and sum a project's servers at each boot; the index alone answers that. `deleted_at` is
    // always null in it, but has to be there for SQLite to see that it needs nothing else.
    sql: [
      `CREATE INDEX servers_by_use ON servers (project_id, user_id, vcpus, memory_mb, deleted_at)
        WHERE deleted_at IS NULL`,
    ],
  },
];
