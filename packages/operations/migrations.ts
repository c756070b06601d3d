// The schema of the record of requests, and of hosts that join.
import type { Migration } from "@micronova/store";

export const operationsMigrations: readonly Migration[] = [
  {
    id: "operations/0001-requests",
    sql: [
      `CREATE TABLE requests (
        id TEXT PRIMARY KEY,
        method TEXT NOT NULL,
        path TEXT NOT NULL,
        status INTEGER NOT NULL,
        at BIGINT NOT NULL,
        ms REAL NOT NULL,
        spans TEXT NOT NULL
      )`,
      "CREATE INDEX requests_by_time ON requests (at)",
    ],
  },
  {
    id: "operations/0002-hosts",
    sql: [
      `CREATE TABLE host_tokens (
        id TEXT PRIMARY KEY,
        host TEXT,
        roles TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        used_at BIGINT
      )`,
      `CREATE TABLE joined_hosts (
        name TEXT PRIMARY KEY,
        roles TEXT NOT NULL,
        joined_at BIGINT NOT NULL,
        bus_user TEXT NOT NULL
      )`,
    ],
  },
  {
    id: "operations/0003-authority",
    sql: ["CREATE TABLE authorities (id TEXT PRIMARY KEY, cert TEXT NOT NULL, key TEXT NOT NULL)"],
  },
];
