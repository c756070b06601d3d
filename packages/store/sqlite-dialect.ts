// Queries over a synchronous connection.
import { SqliteAdapter, SqliteQueryCompiler } from "kysely";
import type { Tx } from "./index.ts";
import { queriesIn } from "./queries.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

const inSqlite = queriesIn({ compiler: new SqliteQueryCompiler(), adapter: new SqliteAdapter() });

/** Queries over `connection`; `check` runs before each and may throw. */
export function sqliteQueries(connection: SqliteConnection, check: () => void): Tx {
  // An `async` function, so that what SQLite throws becomes a rejection.
  return inSqlite(async (query) => {
    check();
    const { rows, changes, insertId } = connection.query(query.sql, query.parameters);
    return { rows, numAffectedRows: changes, insertId };
  });
}
