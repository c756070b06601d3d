// One SQLite connection: statements prepared once, values as SQLite takes them, errors as sentences.
// This file and file-lock.ts alone import `node:sqlite`, whose names still move between versions of Node.
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Fault } from "@micronova/kit";
import { sqliteCode, storeErrors } from "./errors.ts";

export interface SqliteResult {
  readonly rows: unknown[];
  readonly changes: bigint;
  readonly insertId: bigint;
}

interface Prepared {
  readonly statement: StatementSync;
  /** The names of the columns it answers with; none for what neither selects nor has a `RETURNING`. */
  readonly columns: readonly string[];
}

// Lists in `IN (…)` make statements of every length; this bounds what is remembered of them.
const statementsMax = 1_000;
// Only a second process on the same file makes anyone wait; waiting blocks this process, so not for long.
const busyTimeoutMs = 2_000;

export class SqliteConnection {
  readonly #place: string;
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();

  constructor(
    path: string,
    options: { readonly readOnly: boolean; readonly synchronous: "FULL" | "NORMAL" },
  ) {
    this.#place = path;
    this.#database = this.#explained(() => open(path, options));
  }

  /** Runs one statement to its end. */
  query(sql: string, parameters: readonly unknown[]): SqliteResult {
    return this.#explained(() => {
      const { statement, columns } = this.#prepare(sql);
      const values = parameters.map(toSqlite);
      if (columns.length > 0) {
        const rows = statement.all(...values).map((row) => asObject(columns, row));
        return { rows, changes: BigInt(rows.length), insertId: 0n };
      }
      const { changes, lastInsertRowid } = statement.run(...values);
      return { rows: [], changes: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    });
  }

  /** For BEGIN, COMMIT and their kin. */
  control(sql: string): void {
    this.#explained(() => this.#prepare(sql).statement.run());
  }

  /** False again when SQLite itself rolled the transaction back, as it does on a full disk. */
  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  contents(): Uint8Array {
    return this.#database.serialize();
  }

  /** Puts other contents in the place of all there is. */
  replace(contents: Uint8Array): void {
    this.#prepared.clear();
    this.#database.deserialize(contents);
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    // Objects of `node:sqlite` have no prototype, which makes them unequal to any literal and slow to copy.
    statement.setReturnArrays(true);
    const prepared = { statement, columns: statement.columns().map(({ name }) => name) };
    if (this.#prepared.size >= statementsMax) this.#forgetOldest();
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #forgetOldest(): void {
    for (const sql of this.#prepared.keys()) {
      this.#prepared.delete(sql);
      return;
    }
  }

  #explained<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explain(this.#place, error) ?? error;
    }
  }
}

function open(
  path: string,
  options: { readonly readOnly: boolean; readonly synchronous: "FULL" | "NORMAL" },
) {
  const database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: busyTimeoutMs });
  try {
    if (!options.readOnly) database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${options.synchronous}`);
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("PRAGMA temp_store = MEMORY");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function asObject(columns: readonly string[], row: unknown): unknown {
  // `setReturnArrays` makes a row the list of its values; the library's types do not know of it.
  const values = row as readonly unknown[];
  const object: Record<string, unknown> = {};
  for (let at = 0; at < columns.length; at++) object[columns[at]!] = values[at];
  return object;
}

function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === undefined)
    throw new TypeError("a query has an undefined parameter; null is the word for absent");
  // Anything else SQLite cannot hold is refused by `node:sqlite` itself, with a clear message.
  return value as SQLInputValue;
}

/** SQLite's primary result codes that an operator can do something about. */
function explain(place: string, error: unknown): Fault | null {
  const why = error instanceof Error ? error.message : String(error);
  switch ((sqliteCode(error) ?? 0) & 0xff) {
    case 5:
    case 6:
      return storeErrors.locked(place);
    case 11:
    case 26:
      return storeErrors.damaged(place, why);
    case 13:
      return storeErrors.full(place);
    case 8:
    case 14:
      return storeErrors.unreachable(place, why);
    default:
      return null;
  }
}
