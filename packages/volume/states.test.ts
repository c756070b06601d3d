// The table of states agrees with itself and with what attachments say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attachedStatuses, attachmentMoves, ruleOf, volumeStates, volumeStatusOf } from "./states.ts";

test("no action leads an attached volume astray: only detaching starts from in-use", () => {
  // The keys of the table are its actions.
  const actions = Object.keys(volumeStates.actions) as (keyof typeof volumeStates.actions)[];

  const fromInUse = actions.filter((action) => ruleOf(action).from.includes("in-use"));

  assert.deepEqual(fromInUse, ["detach"]);
});

test("what an attachment becomes is a status of its volume", () => {
  for (const { to } of Object.values(attachmentMoves)) {
    assert.ok(attachedStatuses.includes(volumeStatusOf[to]));
  }
});
