// PostgreSQL's way of the common subset: statements prepared once for each connection, values as SQLite has
// them.
import { type CompiledQuery, PostgresAdapter, PostgresQueryCompiler, type QueryResult } from "kysely";
import type { CustomTypesConfig, QueryResult as PgResult, QueryConfig } from "pg";
import { types } from "pg";
import { queriesIn } from "./queries.ts";

export const inPostgres = queriesIn({
  compiler: new PostgresQueryCompiler(),
  adapter: new PostgresAdapter(),
});

// Lists in `IN (…)` make statements of every length; this bounds what each connection keeps prepared.
const statementsMax = 1_000;
const names = new Map<string, string>();

/** A query as the library takes it. */
export function asPgQuery({ sql, parameters }: Pick<CompiledQuery, "sql" | "parameters">): QueryConfig {
  const values = parameters.map(toPostgres);
  let name = names.get(sql);
  if (name === undefined && names.size < statementsMax) {
    name = `s${names.size}`;
    names.set(sql, name);
  }
  return name === undefined ? { text: sql, values } : { name, text: sql, values };
}

const changing = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

export function asQueryResult({ command, rowCount, rows }: PgResult): QueryResult<unknown> {
  if (!changing.has(command)) return { rows };
  return { rows, numAffectedRows: BigInt(rowCount ?? 0) };
}

/** What is not text as SQLite would give it: booleans 0 or 1, sums and counts numbers. */
const readers: Readonly<Record<number, (text: string) => unknown>> = {
  [types.builtins.BOOL]: (text) => (text === "t" ? 1 : 0),
  [types.builtins.INT8]: toInteger,
  [types.builtins.NUMERIC]: Number,
};

export const postgresTypes: CustomTypesConfig = {
  getTypeParser: (id, format) =>
    (format === "binary" ? null : readers[id]) ?? types.getTypeParser(id, format),
};

function toInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is too large for a number`);
  return value;
}

function toPostgres(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  if (typeof value === "bigint" || value instanceof Uint8Array) return value;
  if (value === undefined)
    throw new TypeError("a query has an undefined parameter; null is the word for absent");
  throw new TypeError(`a query has a parameter that is no value of SQL: ${typeof value}`);
}
