import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "@micronova/kit/testing";
import { lockout } from "./lockout.ts";

test("wrong passwords in a row lock a user out for a while, and nobody else", async () => {
  const clock = virtualClock();
  const guard = lockout(clock, { failuresMax: 2, lockedMs: 1_000 });

  guard.failed("ann");
  assert.equal(guard.isLocked("ann"), false);
  guard.failed("ann");
  assert.deepEqual([guard.isLocked("ann"), guard.isLocked("bob")], [true, false]);

  await clock.advance(1_000);
  assert.equal(guard.isLocked("ann"), false);
});

test("a right password starts the count again", () => {
  const guard = lockout(virtualClock(), { failuresMax: 2, lockedMs: 1_000 });

  guard.failed("ann");
  guard.succeeded("ann");
  guard.failed("ann");

  assert.equal(guard.isLocked("ann"), false);
});

test("without a rule nobody is locked out", () => {
  const guard = lockout(virtualClock(), null);

  for (let at = 0; at < 100; at++) guard.failed("ann");

  assert.equal(guard.isLocked("ann"), false);
});
