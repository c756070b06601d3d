// kill -9 of the whole cloud at random moments of its work: every operation ends, done or undone, what was
// acknowledged is kept, and nothing leaks. KILL_SEED chooses other moments.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@micronova/kit";
import { type Acknowledged, demoWork, nothingYet, smallImage } from "../support/demo-work.ts";
import { type RunningCloud, startCloud } from "../support/running-cloud.ts";
import { settled } from "../support/settled.ts";

const moments = 10;
// At once, so that one kill meets several operations in different places.
const stories = 3;

test(`the work of the demo survives kill -9 at ${moments} random moments`, async () => {
  const seed = Number(process.env["KILL_SEED"] ?? 20261123);
  const random = seededRandom(seed);
  const cloud = await startCloud({ virt: "fake", fakeHosts: 3, fakeDelayMs: 60 });
  try {
    await smallImage(await cloud.client());
    const wholeMs = await timed(() => work(cloud, nothingYet()));
    for (let moment = 0; moment < moments; moment++) {
      const afterMs = random.int(Math.ceil(wholeMs));
      const promised = nothingYet();
      await killedAfter(cloud, afterMs, promised);
      await cloud.up();
      await settled(cloud, promised).catch((cause) => {
        throw new Error(`KILL_SEED=${seed}, moment ${moment}, after ${afterMs} ms: ${cause.message}`, {
          cause,
        });
      });
    }
  } finally {
    await cloud.destroy();
  }
});

async function work(cloud: RunningCloud, promised: Acknowledged): Promise<void> {
  const client = await cloud.client();
  const all = Array.from({ length: stories }, (_, n) => demoWork(client, `s${n}`, promised));
  await Promise.all(all);
}

async function timed(what: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await what();
  return performance.now() - begun;
}

/** Only the kill may end the work with an error. */
async function killedAfter(cloud: RunningCloud, afterMs: number, promised: Acknowledged): Promise<void> {
  let isKilled = false;
  const ended = work(cloud, promised).then(
    () => null,
    (error: unknown) => (isKilled ? null : error),
  );
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  isKilled = true;
  await cloud.kill();
  assert.equal(await ended, null, "the work failed before the kill");
}
