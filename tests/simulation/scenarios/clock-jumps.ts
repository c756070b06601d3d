// Wall clocks jump by minutes, forwards and back; monotonic clocks go on steadily.
import { anyProcess } from "../choices.ts";
import type { Scenario } from "../scenario.ts";

const jumpMsMax = 10 * 60_000;

export const clockJumps: Scenario = {
  name: "clock-jumps",
  what: "Wall clocks of processes jump by up to ten minutes, forwards and back.",
  async disturb(cloud, random) {
    anyProcess(cloud, random).skew(random.chance(0.3) ? 0 : random.int(2 * jumpMsMax) - jumpMsMax);
    return 2_000 + random.int(15_000);
  },
};
