// Several hundred seeds through all scenarios. SIM_SEEDS says how many, SIM_FROM where they begin.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runScenario } from "./scenario.ts";
import { scenarioOf, scenarios } from "./scenarios/index.ts";

const seeds = Number(process.env["SIM_SEEDS"] ?? 270);
const from = Number(process.env["SIM_FROM"] ?? 1_000);
const simulatedMs = 180_000;

for (const { name, what } of scenarios)
  test(`${name}: ${what}`, async () => {
    for (let seed = from; seed < from + seeds; seed++) {
      const scenario = scenarioOf(seed);
      if (scenario.name !== name) continue;

      const { findings } = await runScenario(scenario, { seed, simulatedMs });

      assert.deepEqual(findings, [], `npm run sim -- --seed ${seed} --scenario ${name} --verbose`);
    }
  });
