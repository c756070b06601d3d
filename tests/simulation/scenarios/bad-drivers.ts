// Calls of drivers fail, before or after they did their work, and a few hang.
import type { Scenario } from "../scenario.ts";

export const badDrivers: Scenario = {
  name: "bad-drivers",
  what: "Of the calls of drivers one in ten fails, half of them after having done the work; a few hang.",
  faults: { driverFails: 0.05, driverFailsDone: 0.05, driverHangs: 0.005 },
};
