// `npm run kill-matrix`: kills a cloud in a real process at each point of each story, and writes what came of it
// into docs/reference/kill-matrix.md, beside what the simulator has there.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stories } from "../tests/simulation/stories.ts";
import { type Job, killAll, killsOf, type Plot, plotOf, type RealCell } from "../tests/support/real-kills.ts";
import { realKillsPart, titleOf, withRealKills } from "./golden/kill-matrix.ts";
import { root } from "./sources.ts";

const { values } = parseArgs({
  options: {
    story: { type: "string" },
    clouds: { type: "string", default: "2" },
    help: { type: "boolean", default: false },
  },
});

if (values.help)
  print(
    "npm run kill-matrix -- [--clouds N, so many at once (2)] [--story NAME, of one saga alone; writes nothing]",
  );
else await main();

async function main(): Promise<void> {
  const chosen = stories.filter(({ name }) => values.story === undefined || name === values.story);
  const plots: Plot[] = [];
  for (const story of chosen) plots.push(await plotOf(story));
  const jobs = plots.flatMap((plot) => killsOf(plot).map((kill): Job => ({ plot, kill })));
  const cells = new Map<Job, RealCell>();
  const started = performance.now();
  const tell = (job: Job, cell: RealCell) => {
    cells.set(job, cell);
    say(job, cell);
  };
  await killAll(jobs, { clouds: Number(values.clouds), tell });
  print(`${jobs.length} kills in ${((performance.now() - started) / 1_000).toFixed(0)} s`);
  if (values.story !== undefined) return;
  const results = plots.map((plot) => ({
    title: titleOf(plot.story),
    cells: jobs.filter((job) => job.plot === plot).map((job) => cells.get(job)!),
  }));
  const page = join(root, "docs", "reference", "kill-matrix.md");
  writeFileSync(page, withRealKills(readFileSync(page, "utf8"), realKillsPart(results)));
}

function say({ plot, kill }: Job, { outcome, recoveryMs, findings }: RealCell): void {
  const well = findings.length === 0 ? "ok  " : "FAIL";
  const where = `${titleOf(plot.story)}, ${kill.when} ${kill.point.label}`;
  print(`${well} ${where}: ${outcome}, ${(recoveryMs / 1_000).toFixed(1)} s`);
  for (const finding of findings) print(`  ${finding}`);
  if (findings.length > 0) process.exitCode = 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
