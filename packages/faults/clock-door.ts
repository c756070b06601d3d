// A process' wall clock that is wrong, as long as a rule says so. What it measures with stays right.
import type { Clock } from "@micronova/kit";
import type { FaultyProcess } from "./bus-door.ts";
import type { RuleTable } from "./rule-table.ts";

export function clockDoor(rules: RuleTable, { role, host }: FaultyProcess, clock: Clock): Clock {
  const facts = { role, host };
  const wrongBy = () => rules.holding("clock", () => facts).reduce((sum, { action }) => sum + action.ms, 0);
  return {
    now: () => clock.now() + wrongBy(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
}
