import assert from "node:assert/strict";
import { test } from "node:test";
import {
  conditionsOf,
  powerAfter,
  type ServerAction,
  serverStates,
  stateOfPower,
  statusOf,
  tasksOf,
} from "./states.ts";

const actions = Object.keys(serverStates.actions) as ServerAction[];

test("every stable state but a final one has a way out besides deletion or reset", () => {
  const left = new Set(
    actions
      .filter((action) => action !== "delete")
      .flatMap((action) => serverStates.actions[action].from as readonly string[]),
  );

  for (const state of serverStates.stable)
    if (state !== "deleted") assert(left.has(state), `${state} has no way out`);
});

test("no two actions say the same task, so that an end finds its own beginning", () => {
  // A migration is a resize to the same flavor, by the same saga.
  const tasks = actions.filter((action) => action !== "migrate").flatMap(tasksOf);

  assert.equal(new Set(tasks).size, tasks.length);
});

test("an action leaves the power that hosts report of the state it ends in", () => {
  for (const action of actions) {
    const state = stateOfPower[powerAfter[action] ?? -1]?.to;
    if (state !== undefined) assert.equal(serverStates.actions[action].to, state, action);
  }
});

test("a server's status is Nova's word for its state and task", () => {
  const cases: readonly [string, string | null, string][] = [
    ["building", "scheduling", "BUILD"],
    ["building", null, "BUILD"],
    ["active", null, "ACTIVE"],
    ["active", "deleting", "ACTIVE"],
    ["active", "powering-off", "ACTIVE"],
    ["active", "rebooting", "REBOOT"],
    ["active", "rebooting_hard", "HARD_REBOOT"],
    ["stopped", "powering-on", "SHUTOFF"],
    ["resized", "resize_reverting", "REVERT_RESIZE"],
    ["resized", null, "VERIFY_RESIZE"],
    ["error", null, "ERROR"],
    ["error", "rebuilding", "REBUILD"],
    ["shelved_offloaded", null, "SHELVED_OFFLOADED"],
    ["odd", null, "UNKNOWN"],
  ];

  for (const [vmState, task, status] of cases) assert.equal(statusOf(vmState, task), status);
});

test("a filter by status asks for exactly the states that read as it", () => {
  const tasks = [null, ...actions.flatMap(tasksOf), "rebuilding", "resize_prep", "migrating"];
  const states = [serverStates.initial, ...serverStates.stable, "resized"];

  for (const vmState of states)
    for (const task of tasks) {
      const status = statusOf(vmState, task);
      for (const other of ["ACTIVE", "BUILD", "REBOOT", "SHUTOFF", "ERROR", "RESIZE", "VERIFY_RESIZE"]) {
        const isFound = conditionsOf(other).some(
          (wanted) =>
            wanted.vmState === vmState &&
            (wanted.tasks === null
              ? task === null || !wanted.notTasks.includes(task)
              : task !== null && wanted.tasks.includes(task)),
        );
        assert.equal(isFound, status === other, `${vmState} ${task} as ${other}`);
      }
    }
});

test("a word that is no status asks for nothing", () => {
  assert.deepEqual(conditionsOf("NONSENSE"), []);
  assert.notDeepEqual(conditionsOf("active"), []);
});
