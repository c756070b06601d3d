// Brings the schema up to date: each package's migrations in the order they are listed, each once, all in one
// transaction, so that a start that fails half-way leaves the data as it was.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { storeErrors } from "./errors.ts";
import type { Migration, Store } from "./index.ts";
import { runSql } from "./queries.ts";
import { now } from "./tx-context.ts";

export async function migrate(
  store: Pick<Store, "transaction">,
  place: string,
  migrations: readonly Migration[],
): Promise<void> {
  const known = new Set(migrations.map(({ id }) => id));
  assert.equal(known.size, migrations.length, "two migrations have the same id");
  await store.transaction(async (tx) => {
    await runSql(
      tx,
      "CREATE TABLE IF NOT EXISTS migrations (id TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)",
    );
    // The table's one column that is asked for.
    const rows = (await runSql(tx, "SELECT id FROM migrations")) as { id: string }[];
    const applied = new Set(rows.map(({ id }) => id));
    const stranger = [...applied].find((id) => !known.has(id));
    if (stranger !== undefined) throw storeErrors.newer(place, stranger);
    for (const { id, sql: statements } of migrations.filter((migration) => !applied.has(migration.id))) {
      for (const statement of statements) await runSql(tx, statement);
      await sql`INSERT INTO migrations (id, applied_at) VALUES (${id}, ${now(tx)})`.execute(tx);
    }
  });
}
