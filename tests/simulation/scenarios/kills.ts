// Processes of every kind are killed every few seconds, and started again a little later.
import { anyProcess } from "../choices.ts";
import type { Scenario } from "../scenario.ts";

export const kills: Scenario = {
  name: "kills",
  what: "Every few seconds a process is killed, and started again.",
  async disturb(cloud, random) {
    const process = anyProcess(cloud, random);
    process.kill();
    cloud.world.clock.wakeIn(random.int(8_000), () => process.start());
    return 500 + random.int(6_000);
  },
};
