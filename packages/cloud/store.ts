// The store of a process of the control plane: opened, its schema up to date, and what a fresh cloud has in
// it.
import type { Platform } from "@micronova/kit";
import { isStoreFault, lockFile, postgresStore, type SharedStore, sql, sqliteStore } from "@micronova/store";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";
import { migrations, seed } from "./seed.ts";

export interface StoreOptions {
  readonly config: CloudConfig;
  readonly dir: DataDir;
}

export interface OpenStore {
  readonly store: SharedStore;
  /** The machine whose passwords the cloud's users have at first; null when they are this process's. */
  readonly madeOn: string | null;
}

export async function openStore(platform: Platform, { config, dir }: StoreOptions): Promise<OpenStore> {
  const { url, connections } = config.store;
  if (url !== undefined && config.ephemeral) throw errors.lastingEphemeral();
  const store =
    url === undefined
      ? sqliteOf(platform, { config, dir })
      : postgresStore(platform, { url, connections, migrations });
  try {
    await store.migrate();
    const { region, network } = config;
    const fresh = { region, secrets: dir.secrets, host: dir.hostName, cidr: network.cidr };
    return { store, madeOn: await seed(store, fresh) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** SQLite is for one process: who waits for another's lock stands still with all its requests. */
function sqliteOf(platform: Platform, { config, dir }: StoreOptions): SharedStore {
  const path = config.ephemeral ? ":memory:" : dir.file("cloud.db");
  const lock = lockFile(dir.file("run", "store.lock"));
  if (lock === null) throw errors.storeShared(path);
  try {
    const store = sqliteStore(platform, { path, durability: config.store.durability, migrations });
    const close = async () => {
      await store.close();
      lock.release();
    };
    return { ...store, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Why it does not answer now; null when it does. */
export async function storeTrouble(store: SharedStore): Promise<string | null> {
  try {
    await sql`SELECT 1`.execute(store.read);
    return null;
  } catch (error) {
    if (isStoreFault(error) && error instanceof Error) return error.message;
    throw error;
  }
}
