// The kill matrix with real processes and SIGKILL: at one point of each story, which KILL_SEED chooses; at
// all of them with KILL_MATRIX=all. `npm run kill-matrix` does all and writes the page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { seededRandom } from "@micronova/kit";
import { titleOf } from "../../tools/golden/kill-matrix.ts";
import { stories } from "../simulation/stories.ts";
import { type Job, killAll, killsOf, type Plot, plotOf } from "../support/real-kills.ts";

const seed = process.env["KILL_SEED"] ?? "20261125";
const isWhole = process.env["KILL_MATRIX"] === "all";
const page = readFileSync(new URL("../../docs/reference/kill-matrix.md", import.meta.url), "utf8");

function jobsOf(plot: Plot): readonly Job[] {
  const kills = killsOf(plot);
  const random = seededRandom(`${seed} ${titleOf(plot.story)}`);
  const chosen = isWhole ? kills : [kills[random.int(kills.length)]!];
  return chosen.map((kill) => ({ plot, kill }));
}

test("a killed cloud finishes or undoes what it was asked, wherever it was (KILL_SEED)", {
  // Half a minute for each of the sample; all of them take minutes on a calm machine.
  timeout: 3_600_000,
}, async (t) => {
  const jobs: Job[] = [];
  for (const story of stories) jobs.push(...jobsOf(await plotOf(story)));
  const wrong: string[] = [];
  await killAll(jobs, {
    clouds: 2,
    tell({ plot, kill }, { outcome, recoveryMs, findings }) {
      const where = `${titleOf(plot.story)}, killed ${kill.when} ${kill.point.label}`;
      t.diagnostic(`${where}: ${outcome}, ${(recoveryMs / 1_000).toFixed(1)} s`);
      wrong.push(...findings.map((text) => `${where} (KILL_SEED=${seed}): ${text}`));
    },
  });

  assert.deepEqual(wrong, []);
});

test("the page of the kill matrix has every point at which a real process is killed", async () => {
  const missing: string[] = [];
  for (const story of stories)
    for (const { label } of (await plotOf(story)).points)
      if (!page.includes(`\n| ${titleOf(story)} | ${label} | `)) missing.push(`${titleOf(story)}: ${label}`);

  assert.deepEqual(missing, [], "docs/reference/kill-matrix.md is of another time: npm run kill-matrix");
});
