// Test stores on PostgreSQL: a database each, copied from a template that has the schema already, so that a
// store costs a copy and not all migrations. The server is the tests' own; what is left in it goes with it.
import { createHash } from "node:crypto";
import { type Platform, systemClock, systemRandom } from "@micronova/kit";
import type { VirtualClock } from "@micronova/kit/testing";
import { Client } from "pg";
import type { Migration, SharedStore, Store, Tx } from "./index.ts";
import { postgresStore } from "./postgres.ts";
import { inPostgres } from "./postgres-dialect.ts";
import { takeContext } from "./tx-context.ts";

/** A fresh store with all of `migrations` applied, on the server whose owner the URL names. */
export async function postgresTestStore(
  serverUrl: string,
  platform: Platform,
  migrations: readonly Migration[],
): Promise<SharedStore> {
  const template = await templateOf(platform, { serverUrl, migrations });
  const name = `test_${systemRandom.uuid().replaceAll("-", "")}`;
  await onServer(serverUrl, (ask) => ask(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`));
  const store = open(waking(platform), { serverUrl, name, migrations });
  return {
    ...held(store, platform),
    seenBy: (other) => held(store.seenBy(other), other),
    async close() {
      await store.close();
      await onServer(serverUrl, (ask) => ask(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

interface Place {
  readonly serverUrl: string;
  readonly name: string;
  readonly migrations: readonly Migration[];
}

function open(platform: Platform, { serverUrl, name, migrations }: Place): SharedStore {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return postgresStore(platform, { url: url.href, connections: 2, migrations });
}

/** The test's time stands still, but the server is waited for in real time. */
function waking(platform: Platform): Platform {
  return { ...platform, clock: { ...systemClock, now: platform.clock.now } };
}

/**
 * Answers take a while here and none on SQLite in memory. A clock that a test moves is held meanwhile, so
 * that nobody's patience ends for it.
 */
function held(store: Store, { clock }: Platform): Store {
  if (!("hold" in clock)) return store;
  // No other clock can be held.
  const { hold } = clock as VirtualClock;
  const read = inPostgres((query) => hold(() => store.read.executeQuery(query)));
  takeContext(read, store.read);
  const transaction = <T>(work: (tx: Tx) => Promise<T>) => hold(() => store.transaction(work));
  return { ...store, read, transaction };
}

const templates = new Map<string, Promise<string>>();

/** The database that has these migrations and nothing else, made by whoever needs it first. */
function templateOf(platform: Platform, { serverUrl, migrations }: Omit<Place, "name">): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(migrations)).digest("hex").slice(0, 32);
  const name = `template_${hash}`;
  const made = templates.get(name) ?? makeTemplate(waking(platform), { serverUrl, name, migrations });
  templates.set(name, made);
  return made;
}

// One process makes templates at a time.
const templateLock = 0x6d636e76;

async function makeTemplate(platform: Platform, { serverUrl, name, migrations }: Place): Promise<string> {
  await onServer(serverUrl, async (ask) => {
    await ask(`SELECT pg_advisory_lock(${templateLock})`);
    const [known] = await ask(`SELECT 1 FROM pg_database WHERE datname = '${name}'`);
    if (known !== undefined) return;
    const building = `building_${name}`;
    await ask(`DROP DATABASE IF EXISTS ${building} WITH (FORCE)`);
    await ask(`CREATE DATABASE ${building}`);
    const store = open(platform, { serverUrl, name: building, migrations });
    await store.migrate();
    await store.close();
    await ask(`ALTER DATABASE ${building} RENAME TO ${name}`);
  });
  return name;
}

async function onServer<T>(
  url: string,
  work: (ask: (sql: string) => Promise<unknown[]>) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(async (sql) => (await client.query(sql)).rows);
  } finally {
    await client.end();
  }
}
