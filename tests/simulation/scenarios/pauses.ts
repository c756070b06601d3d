// Processes stand still for seconds to minutes, are thought dead, and go on where they were.
import { anyProcess } from "../choices.ts";
import type { Scenario } from "../scenario.ts";

export const pauses: Scenario = {
  name: "pauses",
  what: "Processes stand still for up to a minute and a half, and go on where they were.",
  async disturb(cloud, random) {
    const process = anyProcess(cloud, random);
    process.freeze();
    cloud.world.clock.wakeIn(random.int(random.chance(0.3) ? 90_000 : 20_000), () => process.thaw());
    return 3_000 + random.int(12_000);
  },
};
