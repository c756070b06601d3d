// A store for a test: in memory, its schema already there.
import type { Platform } from "@micronova/kit";
import type { Migration, Store } from "./index.ts";
import { sqliteStore } from "./sqlite.ts";

/** A fresh store in memory with all of `migrations` applied. */
export async function memoryStore(platform: Platform, migrations: readonly Migration[]): Promise<Store> {
  const store = sqliteStore(platform, { path: ":memory:", durability: "process", migrations });
  await store.migrate();
  return store;
}
