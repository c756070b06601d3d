// How lists are printed: as a table for people, or as JSON, CSV or bare values for programs. Data goes to
// standard output and nothing else does.
import { InvalidArgumentError, Option } from "commander";

const formats = ["table", "json", "csv", "value"] as const;
export type Format = (typeof formats)[number];

type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

export const formatOption = () =>
  new Option("-f, --format <format>", "how to print it").choices([...formats]).default("table");

/** Prints rows with these columns; an empty list is `[]` in JSON and no line at all for programs. */
export function printRows(format: Format, columns: readonly string[], rows: readonly Row[]): void {
  process.stdout.write(renderRows(format, columns, rows));
}

export function renderRows(format: Format, columns: readonly string[], rows: readonly Row[]): string {
  const cells = (row: Row) => columns.map((column) => row[column] ?? null);
  switch (format) {
    case "json":
      return `${JSON.stringify(
        rows.map((row) => pick(row, columns)),
        null,
        2,
      )}\n`;
    case "csv":
      return [columns, ...rows.map(cells)].map((line) => `${line.map(quoted).join(",")}\n`).join("");
    case "value":
      return rows.map((row) => `${cells(row).map(shown).join(" ")}\n`).join("");
    case "table":
      return aligned([columns, ...rows.map(cells)]);
  }
}

/** The columns asked for, in that order; all known ones when none is. */
export function columnsOf(asked: readonly string[], known: readonly string[]): readonly string[] {
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There is no column ${unknown}; there are ${known.join(", ")}.`);
  return asked.length === 0 ? known : asked;
}

function pick(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
}

function shown(cell: Cell): string {
  return cell === null ? "-" : String(cell);
}

function quoted(cell: Cell): string {
  const text = cell === null ? "" : String(cell);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function aligned(lines: readonly (readonly Cell[])[]): string {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => shown(line[at]!).length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, at) => shown(cell).padEnd(widths[at]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
