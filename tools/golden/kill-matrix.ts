// The kill matrix as a page: what each story comes to when a role is killed at each of its moments.
import {
  type Cell,
  type KilledRole,
  killedRoles,
  type Pairs,
  type Row,
  recoveryMsMax,
} from "../../tests/simulation/kill-matrix.ts";
import type { Story } from "../../tests/simulation/stories.ts";
import { pageBy, table } from "./markdown.ts";

export interface StoryResult {
  readonly story: Story;
  readonly rows: readonly Row[];
  /** Null for a story that is too long for them. */
  readonly pairs: Pairs | null;
}

const heads = ["API", "conductor", "scheduler", "compute", "network", "volume", "broker", "all at once"];

export function killMatrixPage(results: readonly StoryResult[]): string {
  const runs = results.reduce((sum, { rows }) => sum + rows.length * killedRoles.length, 0);
  const pairs = results.reduce((sum, one) => sum + (one.pairs?.runs ?? 0), 0);
  const failed = results.reduce((sum, one) => sum + failures(one), 0);
  return pageBy(
    "npm run sim -- --kill-matrix",
    "The kill matrix",
    "Each story begins in a calm, simulated cloud. At each of its moments all processes of a role are killed, and started again a " +
      "second later (see [simulate](../guides/simulate.md)). A cell is how long it takes from then until nothing is under way: no " +
      "saga runs, nothing is transitional, no host owes anything. Then every invariant holds, and guests, taps, volumes, exports " +
      `and files are what the tables say, or the cell says FAIL; so it does beyond ${recoveryMsMax / 1_000} s. A cell in brackets did not end as ` +
      "an undisturbed run does: it was undone, or, where its request died unheard, never begun.",
    `${runs} kills, and ${pairs} pairs of kills in the short stories; **${failed} failed**.`,
    "## The longest of each story",
    table(["Story", ...heads, "in pairs"], results.map(summaryOf)),
    ...results.flatMap(({ story, rows }) => [
      `## ${titleOf(story)}`,
      table(
        ["Killed when", ...heads],
        rows.map(({ moment, cells }) => [moment.label, ...cells.map(cellOf)]),
      ),
    ]),
  );
}

export function titleOf({ name, variant }: Story): string {
  return variant === undefined ? name : `${name}, ${variant}`;
}

function failures({ rows, pairs }: StoryResult): number {
  const cells = rows.flatMap((row) => row.cells).filter(({ findings }) => findings.length > 0);
  return cells.length + (pairs === null || pairs.findings.length === 0 ? 0 : 1);
}

function summaryOf({ story, rows, pairs }: StoryResult): readonly string[] {
  const longest = (role: KilledRole) => {
    const cells = rows.flatMap((row) => row.cells).filter((cell) => cell.role === role);
    const failed = cells.filter(({ findings }) => findings.length > 0).length;
    return failed > 0 ? `FAIL (${failed})` : seconds(Math.max(...cells.map(({ recoveryMs }) => recoveryMs)));
  };
  const paired =
    pairs === null
      ? "–"
      : pairs.findings.length > 0
        ? "FAIL"
        : `${seconds(pairs.recoveryMs)}, ${pairs.runs} pairs`;
  return [titleOf(story), ...killedRoles.map(longest), paired];
}

function cellOf({ findings, recoveryMs, isSame }: Cell): string {
  if (findings.length > 0) return "FAIL";
  return isSame ? seconds(recoveryMs) : `(${seconds(recoveryMs)})`;
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1_000)} s`;
}
