// The table of notifications names sagas that there are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { computeEvents, computeSagas } from "./index.ts";

test("every notification is of a saga of compute's", () => {
  const names = new Set(computeSagas.map(({ name }) => name));

  assert.deepEqual(
    Object.keys(computeEvents.types).filter((name) => !names.has(name)),
    [],
  );
});
