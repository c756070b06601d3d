// One SQL store behind two engines. Packages own tables; a transaction may touch several packages' tables
// through their functions, which all take `tx` first.
import type { Kysely } from "kysely";

/**
 * All tables of the cloud. Each package adds its own rows by augmenting this interface in its `tables.ts`:
 * `declare module "@micronova/store" { interface Tables { servers: ServerTable } }`.
 * The common subset of both engines: ids are text, times integer milliseconds, booleans 0 or 1, JSON is text.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by each package's augmentation.
export interface Tables {}

/**
 * Queries of one transaction. Awaiting anything but `tx` inside a transaction is an error, and is asserted.
 */
export type Tx = Kysely<Tables>;

/**
 * One step of a package's schema: SQL of the common subset, run in order, once. Ids sort within their
 * package.
 */
export interface Migration {
  /** `<package>/<four digits>-<name>` */
  readonly id: string;
  readonly sql: readonly string[];
}

export interface Store {
  /** Snapshot reads outside any transaction. */
  readonly read: Tx;
  /**
   * Runs `work` atomically; what it throws rolls it back. Commits of concurrent callers share one sync to
   * disk.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Brings the schema up to date. Throws `storeErrors.newer` when the data belongs to a newer version. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

// The one word of the query builder that typed queries lack, so that other packages need no door of their own
// to it.
export { sql } from "kysely";
export { copyStore, type TableCopy } from "./copy.ts";
export { isStoreFault, isUniqueViolation, storeErrors } from "./errors.ts";
export { type FileLock, isLockedFile, lockFile } from "./file-lock.ts";
export type { Concern, Invariant, Violation } from "./invariants.ts";
export { type PostgresStoreOptions, postgresStore } from "./postgres.ts";
export { prepared } from "./prepared.ts";
export { type SharedStore, type SqliteStoreOptions, sqliteStore } from "./sqlite.ts";
export { afterCommit, loseHooks, newId, now } from "./tx-context.ts";
