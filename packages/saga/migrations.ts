// The schema of sagas, their logs, and the log of what was done for good.
import type { Migration } from "@micronova/store";

export const sagaMigrations: readonly Migration[] = [
  {
    id: "saga/0001-sagas",
    sql: [
      `CREATE TABLE sagas (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        action TEXT,
        subject_kind TEXT NOT NULL,
        subject_id TEXT NOT NULL,
        params TEXT NOT NULL,
        request TEXT NOT NULL,
        state TEXT NOT NULL,
        error TEXT,
        cancel INTEGER NOT NULL,
        owner TEXT,
        lease_until BIGINT NOT NULL,
        generation BIGINT NOT NULL,
        trouble TEXT,
        ordinal BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
      )`,
      `CREATE UNIQUE INDEX sagas_one_per_subject ON sagas (subject_kind, subject_id)
        WHERE state IN ('running', 'unwinding', 'stuck')`,
      "CREATE INDEX sagas_of_subject ON sagas (subject_kind, subject_id, ordinal)",
      "CREATE INDEX sagas_to_scan ON sagas (lease_until) WHERE state IN ('running', 'unwinding', 'stuck')",
      "CREATE INDEX sagas_waiting ON sagas (subject_kind, subject_id) WHERE state = 'waiting'",
      `CREATE TABLE saga_events (
        saga_id TEXT NOT NULL,
        n BIGINT NOT NULL,
        step TEXT NOT NULL,
        attempt BIGINT NOT NULL,
        type TEXT NOT NULL,
        fence BIGINT,
        output TEXT,
        error TEXT,
        retry_from TEXT,
        began_at BIGINT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (saga_id, n)
      )`,
      "CREATE TABLE saga_fences (subject TEXT PRIMARY KEY, counter BIGINT NOT NULL)",
      `CREATE TABLE saga_debts (
        saga_id TEXT NOT NULL,
        n BIGINT NOT NULL,
        step TEXT NOT NULL,
        tries BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (saga_id, n)
      )`,
      "CREATE INDEX saga_debts_due ON saga_debts (due_at)",
    ],
  },
  {
    id: "saga/0002-audit-log",
    sql: [
      `CREATE TABLE audit_log (
        id TEXT PRIMARY KEY,
        at BIGINT NOT NULL,
        request_id TEXT NOT NULL,
        user_id TEXT,
        action TEXT NOT NULL,
        subject_kind TEXT NOT NULL,
        subject_id TEXT NOT NULL,
        reason TEXT NOT NULL
      )`,
      "CREATE INDEX audit_log_by_time ON audit_log (at)",
      "CREATE INDEX sagas_by_time ON sagas (created_at)",
    ],
  },
  {
    id: "saga/0003-traces",
    sql: [
      "ALTER TABLE sagas ADD COLUMN request_id TEXT",
      "CREATE INDEX sagas_of_request ON sagas (request_id)",
      "ALTER TABLE saga_events ADD COLUMN spans TEXT",
    ],
  },
];
