// The schema of the record of requests.
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
];
