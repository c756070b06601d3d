// Roles as processes of their own, each killed with SIGKILL while stories need it, with each store and each
// broker: one kill of each role, where KILL_SEED says; in every story with KILL_MATRIX=all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { titleOf } from "../../tools/golden/kill-matrix.ts";
import { roleJobs, setups } from "../support/role-kills.ts";

const turn = Number(process.env["KILL_SEED"] ?? 20261125);
const isWhole = process.env["KILL_MATRIX"] === "all";

for (const { title, missing, during } of setups)
  test(`each role may be killed (${title}, KILL_SEED=${turn})`, { skip: missing, timeout: 1_800_000 }, (t) =>
    during(async (victim) => {
      for (const { plot, point, role } of await roleJobs(victim.roles, { isWhole, turn })) {
        const { outcome, recoveryMs, findings } = await victim.killed(plot, point, role);

        const where = `${role} at "${point.label}" of ${titleOf(plot.story)}`;
        t.diagnostic(`${where}: ${outcome}, ${(recoveryMs / 1_000).toFixed(1)} s`);
        assert.deepEqual(findings, [], where);
      }
    }),
  );
