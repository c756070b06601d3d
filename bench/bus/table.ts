// How results are printed: a table of Markdown, as the documentation has it.

export interface Line {
  readonly what: string;
  readonly goal: string;
  readonly ours: string;
  readonly theirs: string;
  readonly compared: string;
  /** Null when nothing was promised. */
  readonly isMet: boolean | null;
}

export function printLines(lines: readonly Line[]): void {
  const rows = lines.map(({ what, goal, ours, theirs, compared, isMet }) => [
    what,
    goal,
    ours,
    theirs,
    compared,
    isMet === null ? "" : isMet ? "met" : "**MISSED**",
  ]);
  printTable(["What", "Goal", "Micronova", "RabbitMQ 3.10", "Compared", ""], rows);
}

export function printTable(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${heads.map(() => "---").join("|")}|`;
  process.stdout.write(`\n${[line(heads), rule, ...rows.map(line)].join("\n")}\n\n`);
}

/** 1234567 as `1.23 M`, 12345 as `12.3 k`. */
export function thousands(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1_000) return `${(value / 1e3).toPrecision(3)} k`;
  return value.toFixed(0);
}

/** Two digits that count, and never an exponent. */
export function figure(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toPrecision(2);
}

export const ratio = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ×`;
