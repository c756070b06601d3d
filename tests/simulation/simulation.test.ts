// The simulated cloud itself: the same seed is the same run, and a calm cloud is in order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runScenario } from "./scenario.ts";
import { calm } from "./scenarios/calm.ts";
import { everything } from "./scenarios/everything.ts";

const minutes = (count: number) => count * 60_000;

test("the same seed is the same run, byte for byte", async () => {
  const run = () => runScenario(everything, { seed: 3, simulatedMs: minutes(1) });

  const [one, other] = [await run(), await run()];

  assert.ok(one.effects > 500, `${one.effects} effects`);
  assert.equal(other.digest, one.digest);
});

test("another seed is another run", async () => {
  const [one, other] = [
    await runScenario(calm, { seed: 1, simulatedMs: minutes(1) }),
    await runScenario(calm, { seed: 2, simulatedMs: minutes(1) }),
  ];

  assert.notEqual(other.digest, one.digest);
});

for (const seed of [11, 12, 13])
  test(`a calm cloud is in order whatever its users do: seed ${seed}`, async () => {
    const { findings, requests } = await runScenario(calm, { seed, simulatedMs: minutes(10) });

    assert.deepEqual(findings, []);
    assert.ok(requests > 500, `${requests} requests`);
  });
