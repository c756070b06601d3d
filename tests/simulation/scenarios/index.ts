// Every scenario there is. A seed alone chooses among them.
import type { Scenario } from "../scenario.ts";
import { badDrivers } from "./bad-drivers.ts";
import { calm } from "./calm.ts";
import { clockJumps } from "./clock-jumps.ts";
import { deadHosts } from "./dead-hosts.ts";
import { everything } from "./everything.ts";
import { kills } from "./kills.ts";
import { lossyBus } from "./lossy-bus.ts";
import { pauses } from "./pauses.ts";
import { storeErrors } from "./store-errors.ts";

export const scenarios: readonly Scenario[] = [
  calm,
  lossyBus,
  kills,
  deadHosts,
  badDrivers,
  storeErrors,
  clockJumps,
  pauses,
  everything,
];

/** So that any run of seeds goes through all scenarios. */
export function scenarioOf(seed: number): Scenario {
  return scenarios[seed % scenarios.length]!;
}
