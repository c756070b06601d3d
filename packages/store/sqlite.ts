// The store on SQLite: one file, one connection that writes, one that reads beside it.
import assert from "node:assert/strict";
import { type Platform, span } from "@micronova/kit";
import { GroupCommit } from "./group-commit.ts";
import type { Migration, Store, Tx } from "./index.ts";
import { migrate } from "./migrate.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { sqliteQueries } from "./sqlite-dialect.ts";
import { setContext } from "./tx-context.ts";

export interface SqliteStoreOptions {
  /** A file, made when absent, or `:memory:`. */
  readonly path: string;
  /**
   * `power`: what was acknowledged survives a power cut. `process`: it survives the death of this process,
   * and a power cut may take the last commits, never the consistency.
   */
  readonly durability: "process" | "power";
  /** All packages' migrations, lower layers first. */
  readonly migrations: readonly Migration[];
}

/** A store of which each of several processes can have its own view. */
export interface SharedStore extends Store {
  /** The same tables as another process sees them: with its time and its chance. */
  seenBy(platform: Platform): Store;
}

export function sqliteStore(platform: Platform, options: SqliteStoreOptions): SharedStore {
  const { store, seenBy } = openSqlite(platform, options);
  return { ...store, seenBy };
}

/** A store, and what tests do with it besides. */
export interface OpenSqlite {
  readonly store: Store;
  /** As a `SharedStore` has it. */
  seenBy(platform: Platform): Store;
  /** Everything in it, as a file would have it. */
  contents(): Uint8Array;
  replace(contents: Uint8Array): void;
}

export function openSqlite(platform: Platform, options: SqliteStoreOptions): OpenSqlite {
  const { path, migrations } = options;
  const isInMemory = path === ":memory:";
  const synchronous = options.durability === "power" ? "FULL" : "NORMAL";
  const writing = new SqliteConnection(path, { readOnly: false, synchronous });
  // A database in memory cannot be opened twice.
  const reading = isInMemory ? writing : new SqliteConnection(path, { readOnly: true, synchronous });
  const commits = new GroupCommit(platform, writing, { gathers: !isInMemory });
  let isClosed = false;
  const assertOpen = () => assert(!isClosed, "the store is closed");
  const store: Store = {
    read: makeReader(platform, reading, assertOpen),
    transaction: (work) => span("transaction", () => commits.transaction(work)),
    migrate: () => migrate(store, path, migrations),
    async close() {
      if (isClosed) return;
      isClosed = true;
      await commits.close();
      if (reading !== writing) reading.close();
      writing.close();
    },
  };
  return {
    store,
    seenBy: (other) => ({
      ...store,
      read: makeReader(other, reading, assertOpen),
      transaction: (work) => span("transaction", () => commits.transaction(work, other)),
    }),
    contents: () => writing.contents(),
    replace: (contents) => writing.replace(contents),
  };
}

function makeReader(platform: Platform, connection: SqliteConnection, check: () => void): Tx {
  const read = sqliteQueries(connection, check);
  setContext(read, {
    now: () => platform.clock.now(),
    newId: () => platform.random.uuid(),
    afterCommit: () => assert.fail("`store.read` commits nothing; use a transaction"),
  });
  return read;
}
