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

export function sqliteStore(platform: Platform, options: SqliteStoreOptions): Store {
  const { path, migrations } = options;
  const isInMemory = path === ":memory:";
  const synchronous = options.durability === "power" ? "FULL" : "NORMAL";
  const writing = new SqliteConnection(path, { readOnly: false, synchronous });
  // A database in memory cannot be opened twice.
  const reading = isInMemory ? writing : new SqliteConnection(path, { readOnly: true, synchronous });
  const commits = new GroupCommit(platform, writing, { gathers: !isInMemory });
  let isClosed = false;
  const store: Store = {
    read: makeReader(platform, reading, () => assert(!isClosed, "the store is closed")),
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
  return store;
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
