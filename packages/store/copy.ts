// Copies a whole store into another one, from SQLite to the engine of a larger cloud: every row of every
// table in one transaction, held against what was read before that commits.
import { createHash } from "node:crypto";
import type { Platform } from "@micronova/kit";
import { sql } from "kysely";
import { storeErrors } from "./errors.ts";
import type { Migration, Store, Tx } from "./index.ts";
import { sqliteStore } from "./sqlite.ts";

export interface TableCopy {
  readonly table: string;
  readonly rows: number;
  /** SHA-256 over its rows in the order of their keys, hexadecimal; the same on both engines. */
  readonly checksum: string;
}

export interface CopyDeps {
  readonly platform: Platform;
  /** Nobody else changes it meanwhile. Its schema is up to date, as is the other's. */
  readonly from: Store;
  readonly to: Store;
  /** Names the other in errors. */
  readonly place: string;
  readonly migrations: readonly Migration[];
}

type Row = Readonly<Record<string, string | number | null>>;

interface Table {
  readonly name: string;
  readonly key: readonly string[];
}

/**
 * All rows, or none: throws `storeErrors.occupied` when the other has any that a fresh one would not have, and
 * `storeErrors.copyDiffers` when it does not read back what was written. The answer has every table.
 */
export async function copyStore(deps: CopyDeps): Promise<readonly TableCopy[]> {
  const { from, to, place } = deps;
  const tables = await tablesOf(from.read);
  await assertFresh(deps, tables);
  return to.transaction(async (tx) => {
    // What the schema itself came with is in the copy as well.
    for (const { name } of tables.toReversed()) await sql`DELETE FROM ${sql.table(name)}`.execute(tx);
    const copies: TableCopy[] = [];
    for (const table of tables) {
      const read = await readInto(from.read, table, (rows) => insert(tx, table, rows));
      const written = await readInto(tx, table);
      if (read.checksum !== written.checksum) throw storeErrors.copyDiffers(place, table.name);
      copies.push(written);
    }
    return copies;
  });
}

/** The tables of a SQLite, in the order in which they were made: what a row refers to comes before it. */
async function tablesOf(read: Tx): Promise<readonly Table[]> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migrations' ORDER BY rowid`.execute(read);
  const tables: Table[] = [];
  for (const { name } of rows) {
    const columns = await sql<{ name: string; pk: number }>`SELECT name, pk FROM pragma_table_info(${name})
      ORDER BY pk`.execute(read);
    const key = columns.rows.filter(({ pk }) => pk > 0);
    // Without a key a row is known by all it has.
    tables.push({ name, key: (key.length > 0 ? key : columns.rows).map((column) => column.name) });
  }
  return tables;
}

/** A schema may come with rows; anything else is somebody's data. */
async function assertFresh(
  { platform, to, place, migrations }: CopyDeps,
  tables: readonly Table[],
): Promise<void> {
  const fresh = sqliteStore(platform, { path: ":memory:", durability: "process", migrations });
  try {
    await fresh.migrate();
    for (const table of tables) {
      const [wanted, found] = [await readInto(fresh.read, table), await readInto(to.read, table)];
      if (wanted.checksum !== found.checksum) throw storeErrors.occupied(place, table.name, found.rows);
    }
  } finally {
    await fresh.close();
  }
}

const pageRows = 500;
// SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535.
const parametersMax = 30_000;

/** Reads a table page by page, and hands each page on. */
async function readInto(
  tx: Tx,
  table: Table,
  take: (rows: readonly Row[]) => Promise<void> = async () => {},
): Promise<TableCopy> {
  const hash = createHash("sha256");
  let count = 0;
  let page = await pageAfter(tx, table, null);
  while (page.length > 0) {
    for (const row of page) hash.update(lineOf(row));
    count += page.length;
    await take(page);
    page = page.length < pageRows ? [] : await pageAfter(tx, table, page.at(-1)!);
  }
  return { table: table.name, rows: count, checksum: hash.digest("hex") };
}

async function pageAfter(tx: Tx, { name, key }: Table, last: Row | null): Promise<readonly Row[]> {
  const columns = sql.join(key.map((column) => sql.ref(column)));
  const beyond = last === null ? sql`` : sql`WHERE (${columns}) > (${sql.join(key.map((one) => last[one]))})`;
  const { rows } = await sql<Row>`SELECT * FROM ${sql.table(name)} ${beyond}
    ORDER BY ${columns} LIMIT ${sql.lit(pageRows)}`.execute(tx);
  return rows;
}

function lineOf(row: Row): string {
  const sorted = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(sorted)}\n`;
}

async function insert(tx: Tx, { name }: Table, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0]!);
  const share = Math.max(1, Math.floor(parametersMax / columns.length));
  for (let at = 0; at < rows.length; at += share) {
    const values = rows
      .slice(at, at + share)
      .map((row) => sql`(${sql.join(columns.map((one) => row[one]))})`);
    await sql`INSERT INTO ${sql.table(name)} (${sql.join(columns.map((one) => sql.ref(one)))})
      VALUES ${sql.join(values)}`.execute(tx);
  }
}
