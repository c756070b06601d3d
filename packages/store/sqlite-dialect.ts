// Kysely over a synchronous connection. A `Tx` is made per transaction, so making one has to be cheap:
// compiler, adapter and dialect are shared, only the executor that reaches the connection is new.
import {
  CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  DummyDriver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Tables, Tx } from "./index.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

const compiler = new SqliteQueryCompiler();
const adapter = new SqliteAdapter();
const dialect = {
  createDriver: () => new DummyDriver(),
  createQueryCompiler: () => compiler,
  createAdapter: () => adapter,
  createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
};
// Kysely's own driver is only used to begin and end transactions, which the store does itself.
const driver = new DummyDriver();

/** Queries over `connection`; `check` runs before each and may throw. */
export function sqliteQueries(connection: SqliteConnection, check: () => void): Tx {
  const executing = asDatabaseConnection(connection, check);
  const executor = new DefaultQueryExecutor(compiler, adapter, {
    provideConnection: (consumer) => consumer(executing),
  });
  return new Kysely<Tables>({ config: { dialect }, dialect, driver, executor });
}

/** Runs SQL text as it is. */
export async function runSql(tx: Tx, sql: string, parameters: readonly unknown[] = []): Promise<unknown[]> {
  return (await tx.executeQuery(CompiledQuery.raw(sql, [...parameters]))).rows;
}

function asDatabaseConnection(connection: SqliteConnection, check: () => void): DatabaseConnection {
  // An `async` function, so that what SQLite throws becomes a rejection.
  async function executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    check();
    const { rows, changes, insertId } = connection.query(query.sql, query.parameters);
    // The query's own types say what its rows are.
    return { rows: rows as R[], numAffectedRows: changes, insertId };
  }
  return {
    executeQuery,
    async *streamQuery<R>(query: CompiledQuery) {
      yield await executeQuery<R>(query);
    },
  };
}
