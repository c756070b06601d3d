// Kysely over a connection of the store's own. A `Tx` is made per transaction, so making one has to be cheap:
// compiler, adapter and dialect are an engine's, only the executor that reaches the connection is new.
import {
  CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  type DialectAdapter,
  DummyDriver,
  Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteIntrospector,
} from "kysely";
import type { Tables, Tx } from "./index.ts";

export interface Language {
  readonly compiler: QueryCompiler;
  readonly adapter: DialectAdapter;
}

/** Runs one query to its end. */
export type Execute = (query: CompiledQuery) => Promise<QueryResult<unknown>>;

// Kysely's own driver is only used to begin and end transactions, which the store does itself.
const driver = new DummyDriver();

/** What makes a `Tx` over something that executes queries of this language. */
export function queriesIn({ compiler, adapter }: Language): (execute: Execute) => Tx {
  const dialect = {
    createDriver: () => driver,
    createQueryCompiler: () => compiler,
    createAdapter: () => adapter,
    // Nobody asks for the names of tables through it.
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  };
  return (execute) => {
    const executing = asDatabaseConnection(execute);
    const executor = new DefaultQueryExecutor(compiler, adapter, {
      provideConnection: (consumer) => consumer(executing),
    });
    return new Kysely<Tables>({ config: { dialect }, dialect, driver, executor });
  };
}

/** Runs SQL text as it is. */
export async function runSql(tx: Tx, sql: string, parameters: readonly unknown[] = []): Promise<unknown[]> {
  return (await tx.executeQuery(CompiledQuery.raw(sql, [...parameters]))).rows;
}

function asDatabaseConnection(execute: Execute): DatabaseConnection {
  // The query's own types say what its rows are.
  const executeQuery = <R>(query: CompiledQuery) => execute(query) as Promise<QueryResult<R>>;
  return {
    executeQuery,
    async *streamQuery<R>(query: CompiledQuery) {
      yield await executeQuery<R>(query);
    },
  };
}
