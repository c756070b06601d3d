// The store on PostgreSQL, for clouds of many processes: one connection that writes, others that read beside
// it.
import assert from "node:assert/strict";
import { type Millis, type Platform, span } from "@micronova/kit";
import { sql } from "kysely";
import { storeErrors } from "./errors.ts";
import type { Migration, Store, Tx } from "./index.ts";
import { migrate } from "./migrate.ts";
import { asPgQuery, asQueryResult, inPostgres } from "./postgres-dialect.ts";
import { PostgresLink } from "./postgres-link.ts";
import { PostgresWriter } from "./postgres-writer.ts";
import type { SharedStore } from "./sqlite.ts";
import { setContext } from "./tx-context.ts";

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`; parameters such as `sslmode` after a `?`. */
  readonly url: string;
  /** At most so many connections to it, two at least: one writes, the others read. */
  readonly connections: number;
  /** All packages' migrations, lower layers first. */
  readonly migrations: readonly Migration[];
  /** How long the server may be away before what is asked of it fails. */
  readonly patienceMs?: Millis;
}

// A restart takes seconds, a failover tens of them.
const patienceDefaultMs = 30_000;

// A process that is stopped or cut off in the middle of a transaction holds up all others; the server ends
// its session.
const holdMaxMs = 10_000;

export function postgresStore(platform: Platform, options: PostgresStoreOptions): SharedStore {
  const { url, connections, migrations, patienceMs = patienceDefaultMs } = options;
  assert(connections >= 2, "a store on PostgreSQL needs two connections at least");
  const writing = new PostgresLink(platform, {
    url,
    connections: 1,
    settings: [`idle_in_transaction_session_timeout = ${holdMaxMs}`],
  });
  const reading = new PostgresLink(platform, {
    url,
    connections: connections - 1,
    settings: ["default_transaction_read_only = on"],
  });
  const writer = new PostgresWriter(platform, writing, { patienceMs });
  let isClosed = false;
  const reader = (seer: Platform): Tx => {
    const read = inPostgres(async (query) => {
      assert(!isClosed, "the store is closed");
      const config = asPgQuery(query);
      return asQueryResult(await reading.patiently(() => reading.using((ask) => ask(config)), patienceMs));
    });
    setContext(read, {
      now: () => seer.clock.now(),
      newId: () => seer.random.uuid(),
      afterCommit: () => assert.fail("`store.read` commits nothing; use a transaction"),
    });
    return read;
  };
  const seenBy = (seer: Platform): Store => {
    const store: Store = {
      read: reader(seer),
      transaction: (work) => span("transaction", () => writer.transaction(work, seer)),
      async migrate() {
        await assertSuited(store.read, writing.place);
        await migrate(store, writing.place, migrations);
      },
      async close() {
        if (isClosed) return;
        isClosed = true;
        await writer.close();
        await Promise.all([reading.close(), writing.close()]);
      },
    };
    return store;
  };
  return { ...seenBy(platform), seenBy };
}

/** Texts have to sort, and letters to become small, as on SQLite: by their bytes, and a to z alone. */
async function assertSuited(read: Tx, place: string): Promise<void> {
  const { rows } = await sql<{ encoding: string; collate: string; ctype: string }>`
    SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype
    FROM pg_database WHERE datname = current_database()`.execute(read);
  const { encoding, collate, ctype } = rows[0]!;
  if (encoding !== "UTF8") throw storeErrors.unsuited(place, `the encoding ${encoding}`);
  const foreign = [collate, ctype].find((locale) => locale !== "C" && locale !== "POSIX");
  if (foreign !== undefined) throw storeErrors.unsuited(place, `the locale ${foreign}`);
}
