// Stores for tests, their schema already there: in memory, or on PostgreSQL when the environment names a
// server.
import type { Platform } from "@micronova/kit";
import type { Migration, SharedStore } from "./index.ts";
import { type OpenSqlite, openSqlite, sqliteStore } from "./sqlite.ts";
import { postgresTestStore } from "./testing-postgres.ts";

export { loseHooks } from "./tx-context.ts";

const inMemory = { path: ":memory:", durability: "process" } as const;

/** Names a PostgreSQL server of the tests' own, on which `testStore` is tried then. */
const serverUrl = process.env["MICRONOVA_TEST_STORE"];

/** A fresh store with all of `migrations` applied, on the engine under test: SQLite in memory unless told. */
export async function testStore(platform: Platform, migrations: readonly Migration[]): Promise<SharedStore> {
  if (serverUrl !== undefined) return postgresTestStore(serverUrl, platform, migrations);
  return memoryStore(platform, migrations);
}

/** A fresh store in memory with all of `migrations` applied, for what is about time and not about the engine. */
export async function memoryStore(
  platform: Platform,
  migrations: readonly Migration[],
): Promise<SharedStore> {
  const store = sqliteStore(platform, { ...inMemory, migrations });
  await store.migrate();
  return store;
}

/** A store in memory that several simulated processes see; filled from another's contents, if any. */
export function sharedStore(
  platform: Platform,
  migrations: readonly Migration[],
  contents?: Uint8Array,
): OpenSqlite {
  const opened = openSqlite(platform, { ...inMemory, migrations });
  if (contents !== undefined) opened.replace(contents);
  return opened;
}
