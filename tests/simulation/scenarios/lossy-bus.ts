// A bus on its worst day: messages are lost, come twice, and come late; connections break, and now and then
// the broker is gone with all it held.
import { anyProcess } from "../choices.ts";
import type { Scenario } from "../scenario.ts";

export const lossyBus: Scenario = {
  name: "lossy-bus",
  what: "Of the messages 5 % are lost, 5 % come twice, 5 % come late; connections and the broker break.",
  faults: { lost: 0.05, repeated: 0.05, delayed: 0.05 },
  async disturb(cloud, random) {
    if (random.chance(0.2)) {
      cloud.world.note("broker", "is gone");
      await cloud.cable.stop();
      await cloud.world.pause(random.int(10_000));
      if (cloud.cable.broker === null) cloud.cable.start();
    } else anyProcess(cloud, random).disconnect();
    return 5_000 + random.int(20_000);
  },
};
