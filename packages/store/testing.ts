// Stores for tests: in memory, their schema already there.
import type { Platform } from "@micronova/kit";
import type { Migration, Store } from "./index.ts";
import { type OpenSqlite, openSqlite, sqliteStore } from "./sqlite.ts";

export { loseHooks } from "./tx-context.ts";

const inMemory = { path: ":memory:", durability: "process" } as const;

/** A fresh store in memory with all of `migrations` applied. */
export async function memoryStore(platform: Platform, migrations: readonly Migration[]): Promise<Store> {
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
