// Power as drivers say it and as Nova's API numbers it.
import type { PowerState } from "./drivers/driver.ts";
import { powerStates } from "./states.ts";

export const powerNumber: Readonly<Record<PowerState, number>> = {
  running: powerStates.running,
  paused: powerStates.paused,
  shutdown: powerStates.shutdown,
  crashed: powerStates.crashed,
  suspended: powerStates.suspended,
};
