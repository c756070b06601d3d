import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "@micronova/kit";
import { SteeredClock } from "./steered-clock.ts";

test("processes whose clocks are minutes apart have one time once they are steered", () => {
  const at = (skewMs: number): Clock => ({
    ...systemClock,
    now: () => 1_000_000 + skewMs,
    monotonic: () => 50,
  });
  const early = new SteeredClock(at(-300_000));
  const late = new SteeredClock(at(300_000));
  assert.equal(late.now() - early.now(), 600_000);

  const offBy = [early, late].map((clock) => clock.steer(2_000_000, 30));

  assert.deepEqual(offBy, [-1_300_020, -700_020]);
  assert.equal(early.now(), 2_000_020);
  assert.equal(late.now(), early.now());
});
