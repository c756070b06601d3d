// The memory of ids: exact for what is recent, bounded for what is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentIds } from "./recent-ids.ts";

test("an id is known for at least a generation, and not for ever", () => {
  const recent = new RecentIds();
  assert(recent.add("first"));
  for (let at = 0; at < 20_000; at++) recent.add(`a${at}`);

  assert.equal(recent.add("first"), false);
  for (let at = 0; at < 40_000; at++) recent.add(`b${at}`);

  assert(recent.add("first"));
});
