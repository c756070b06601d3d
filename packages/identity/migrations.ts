// Identity's schema, in order.
import type { Migration } from "@micronova/store";

export const identityMigrations: Migration[] = [
  {
    id: "identity/0001-users-projects-roles",
    sql: [
      `CREATE TABLE domains (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL,
        enabled INTEGER NOT NULL, options TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE projects (id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT NOT NULL,
        parent_id TEXT NOT NULL, description TEXT NOT NULL, enabled INTEGER NOT NULL, tags TEXT NOT NULL,
        options TEXT NOT NULL, extra TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (domain_id, name))`,
      "CREATE INDEX projects_parent ON projects (parent_id)",
      `CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT NOT NULL,
        default_project_id TEXT, enabled INTEGER NOT NULL, description TEXT, options TEXT NOT NULL,
        extra TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (domain_id, name))`,
      `CREATE TABLE passwords (user_id TEXT PRIMARY KEY, hash TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE "groups" (id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT NOT NULL,
        description TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (domain_id, name))`,
      `CREATE TABLE group_members (group_id TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (group_id, user_id))`,
      "CREATE INDEX group_members_user ON group_members (user_id)",
      `CREATE TABLE roles (id TEXT PRIMARY KEY, name TEXT NOT NULL, domain_id TEXT, description TEXT,
        options TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      "CREATE UNIQUE INDEX roles_name ON roles (name) WHERE domain_id IS NULL",
      "CREATE UNIQUE INDEX roles_domain_name ON roles (domain_id, name) WHERE domain_id IS NOT NULL",
      `CREATE TABLE implied_roles (prior_role_id TEXT NOT NULL, implied_role_id TEXT NOT NULL,
        PRIMARY KEY (prior_role_id, implied_role_id))`,
      `CREATE TABLE assignments (actor_kind TEXT NOT NULL, actor_id TEXT NOT NULL, scope_kind TEXT NOT NULL,
        scope_id TEXT NOT NULL, role_id TEXT NOT NULL, inherited INTEGER NOT NULL,
        PRIMARY KEY (actor_id, scope_id, role_id, inherited, actor_kind, scope_kind))`,
      "CREATE INDEX assignments_scope ON assignments (scope_id)",
    ],
  },
  {
    id: "identity/0002-catalog",
    sql: [
      "CREATE TABLE regions (id TEXT PRIMARY KEY, description TEXT NOT NULL, parent_region_id TEXT)",
      `CREATE TABLE catalog_services (id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL,
        description TEXT NOT NULL, enabled INTEGER NOT NULL)`,
      `CREATE TABLE catalog_endpoints (id TEXT PRIMARY KEY, service_id TEXT NOT NULL, interface TEXT NOT NULL,
        region_id TEXT, url TEXT NOT NULL, enabled INTEGER NOT NULL)`,
    ],
  },
  {
    id: "identity/0003-credentials-revocations",
    sql: [
      `CREATE TABLE application_credentials (id TEXT PRIMARY KEY, name TEXT NOT NULL, user_id TEXT NOT NULL,
        project_id TEXT NOT NULL, description TEXT, secret_hash TEXT NOT NULL, roles TEXT NOT NULL,
        unrestricted INTEGER NOT NULL, expires_at BIGINT, UNIQUE (user_id, name))`,
      `CREATE TABLE revocations (subject TEXT PRIMARY KEY, generation BIGINT NOT NULL, revoked_at BIGINT NOT NULL)`,
      "CREATE INDEX revocations_generation ON revocations (generation)",
      "CREATE TABLE token_generation (id INTEGER PRIMARY KEY, generation BIGINT NOT NULL)",
      "INSERT INTO token_generation (id, generation) VALUES (1, 0)",
    ],
  },
  {
    id: "identity/0004-token-keys",
    sql: [
      "CREATE TABLE token_keys (ordinal BIGINT PRIMARY KEY, id TEXT NOT NULL, secret TEXT NOT NULL, created_at BIGINT NOT NULL)",
    ],
  },
];
