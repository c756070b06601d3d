// `npm run sim`: the whole cloud in one process, under virtual time and a seed. A failure prints the one
// command that repeats it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killedInPairs, killMatrixOf } from "../tests/simulation/kill-matrix.ts";
import { type Report, runScenario, type Scenario } from "../tests/simulation/scenario.ts";
import { scenarioOf, scenarios } from "../tests/simulation/scenarios/index.ts";
import { stories } from "../tests/simulation/stories.ts";
import { killMatrixPage, type StoryResult, titleOf } from "./golden/kill-matrix.ts";
import { root } from "./sources.ts";

const help = `npm run sim -- [options]
  --seed N         the one seed to run
  --seeds N        how many seeds to run (20)
  --from N         the first of them (1)
  --scenario NAME  ${scenarios.map(({ name }) => name).join(", ")}; without it the seed chooses
  --hours H        simulated time of each run (0.05)
  --hosts N        in place of the scenario's own number
  --clients N      the same for users
  --verbose        prints everything that happens
  --kill-matrix    kills each role at each moment of each saga, and writes docs/reference/kill-matrix.md`;

const hoursDefault = 0.05;
const seedsDefault = 20;
const msPerHour = 3_600_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string" },
    scenario: { type: "string" },
    hours: { type: "string" },
    hosts: { type: "string" },
    clients: { type: "string" },
    verbose: { type: "boolean", default: false },
    "kill-matrix": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) print(help);
else if (values["kill-matrix"]) await writeKillMatrix();
else await main();

async function main(): Promise<void> {
  const seeds = chosenSeeds();
  const simulatedMs = numberOf("hours", values.hours ?? String(hoursDefault)) * msPerHour;
  const started = performance.now();
  const reports: Report[] = [];
  for (const seed of seeds) {
    const report = await runScenario(chosenScenario(seed), { seed, simulatedMs, isSaying: values.verbose });
    reports.push(report);
    if (report.findings.length > 0) tell(report);
  }
  const failed = reports.filter(({ findings }) => findings.length > 0).length;
  const hours = reports.reduce((sum, report) => sum + report.simulatedMs, 0) / msPerHour;
  const requests = reports.reduce((sum, report) => sum + report.requests, 0);
  const seconds = (performance.now() - started) / 1000;
  const digest = reports.length === 1 ? `; digest ${reports[0]!.digest.slice(0, 16)}` : "";
  print(
    `sim: ${reports.length} seeds, ${failed} failed; ${hours.toFixed(1)} simulated hours, ` +
      `${requests} requests, in ${seconds.toFixed(1)} s${digest}`,
  );
  if (failed > 0) process.exitCode = 1;
}

async function writeKillMatrix(): Promise<void> {
  const results: StoryResult[] = [];
  for (const story of stories) {
    const result = { story, rows: await killMatrixOf(story), pairs: await killedInPairs(story) };
    results.push(result);
    const findings = [
      ...result.rows.flatMap(({ moment, cells }) =>
        cells.flatMap((cell) => cell.findings.map((text) => `${cell.role} at "${moment.label}": ${text}`)),
      ),
      ...(result.pairs?.findings ?? []),
    ];
    print(`${findings.length === 0 ? "ok  " : "FAIL"} ${titleOf(story)}`);
    for (const finding of findings) print(`  ${finding}`);
    if (findings.length > 0) process.exitCode = 1;
  }
  const page = join(root, "docs", "reference", "kill-matrix.md");
  writeFileSync(page, killMatrixPage(results, readFileSync(page, "utf8")));
}

function chosenSeeds(): readonly number[] {
  if (values.seed !== undefined) return [numberOf("seed", values.seed)];
  const first = numberOf("from", values.from ?? "1");
  const count = numberOf("seeds", values.seeds ?? String(seedsDefault));
  return Array.from({ length: count }, (_, n) => first + n);
}

function chosenScenario(seed: number): Scenario {
  const { hosts, clients, scenario } = values;
  const found = scenario === undefined ? scenarioOf(seed) : scenarios.find(({ name }) => name === scenario);
  const sizes = {
    ...(hosts === undefined ? {} : { hosts: numberOf("hosts", hosts) }),
    ...(clients === undefined ? {} : { clients: numberOf("clients", clients) }),
  };
  if (found !== undefined) return { ...found, ...sizes };
  print(`There is no scenario ${values.scenario}.\n${help}`);
  process.exit(2);
}

function tell({ scenario, seed, findings }: Report): void {
  const chosen = (["hours", "hosts", "clients"] as const).flatMap((name) =>
    values[name] === undefined ? [] : [` --${name} ${values[name]}`],
  );
  print(`FAIL ${scenario}, seed ${seed}:`);
  for (const finding of findings) print(`  ${finding}`);
  print(`  Repeat it: npm run sim -- --seed ${seed} --scenario ${scenario}${chosen.join("")} --verbose`);
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  print(`--${option} wants a number, not ${text}.`);
  process.exit(2);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
