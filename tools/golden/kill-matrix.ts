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
import type { KillPoint, RealCell } from "../../tests/support/real-kills.ts";
import { pageBy, table } from "./markdown.ts";

export interface StoryResult {
  readonly story: Story;
  readonly rows: readonly Row[];
  /** Null for a story that is too long for them. */
  readonly pairs: Pairs | null;
}

const heads = ["API", "conductor", "scheduler", "compute", "network", "volume", "broker", "all at once"];

/** The page's part about the simulator; what it says of real processes is kept from `before`. */
export function killMatrixPage(results: readonly StoryResult[], before: string): string {
  const runs = results.reduce((sum, { rows }) => sum + rows.length * killedRoles.length, 0);
  const pairs = results.reduce((sum, one) => sum + (one.pairs?.runs ?? 0), 0);
  const failed = results.reduce((sum, one) => sum + failures(one), 0);
  const simulated = pageBy(
    "npm run sim -- --kill-matrix` and `npm run kill-matrix",
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
  return withRealKills(simulated, realPart(before));
}

export interface RealResult {
  readonly title: string;
  readonly cells: readonly RealCell[];
}

const realHead = "## Real processes, `kill -9`";

/** The page with this as its part about real processes. */
export function withRealKills(page: string, part: string): string {
  const at = page.indexOf(`\n${realHead}`);
  const simulated = at === -1 ? page : page.slice(0, at);
  return part === "" ? simulated : `${simulated.trimEnd()}\n\n${part.trimEnd()}\n`;
}

function realPart(page: string): string {
  const at = page.indexOf(realHead);
  return at === -1 ? "" : page.slice(at);
}

export function realKillsPart(results: readonly RealResult[]): string {
  const cells = results.flatMap((result) => result.cells);
  const failed = cells.filter(({ findings }) => findings.length > 0).length;
  const longest = Math.max(...cells.map(({ recoveryMs }) => recoveryMs));
  return [
    realHead,
    "The same stories in a cloud that `./micronova up --virt fake` runs, at what of their moments a rule of `--faults` can stand at: " +
      "before the request is looked at and before its answer is sent, before and after the commit that records a step, before and " +
      "after a driver's work. There the process kills itself by SIGKILL; a rule that does not kill is a failure. The cloud is " +
      "started again on what is left, and has 30 s until no saga runs, nothing is transitional, every invariant holds and the doctor, " +
      "who also asks the hosts, has nothing to say. A cell is how the operation ended.",
    `${cells.length} kills; **${failed} failed**. After each all was well within ${roundedSeconds(longest)} s of being ready again.`,
    table(["Story", "Killed at", "before", "after"], results.flatMap(realRows)),
  ].join("\n\n");
}

// How busy the machine was is not worth a change of the page.
const roundingMs = 5_000;

function roundedSeconds(ms: number): number {
  return (Math.ceil(ms / roundingMs) * roundingMs) / 1_000;
}

function realRows({ title, cells }: RealResult): readonly (readonly string[])[] {
  const points = [...new Set(cells.map(({ point }) => point))];
  const wordOf = (point: KillPoint, when: RealCell["when"]) => {
    const cell = cells.find((one) => one.point === point && one.when === when);
    return cell === undefined || cell.findings.length > 0 ? "FAIL" : cell.outcome;
  };
  return points.map((point) => [title, point.label, wordOf(point, "before"), wordOf(point, "after")]);
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
