// The bounded memory: exact for what is recent, forgetful for what is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentMap } from "./recent-map.ts";

test("an entry is known for at least a generation, and not for ever", () => {
  const recent = new RecentMap<number>(100);
  recent.set("first", 1);
  for (let at = 0; at < 100; at++) recent.set(`a${at}`, at);

  assert.equal(recent.get("first"), 1);
  for (let at = 0; at < 200; at++) recent.set(`b${at}`, at);

  assert.equal(recent.get("first"), undefined);
});
