// All of it at once, in smaller doses.
import type { Scenario } from "../scenario.ts";
import { clockJumps } from "./clock-jumps.ts";
import { deadHosts } from "./dead-hosts.ts";
import { kills } from "./kills.ts";
import { lossyBus } from "./lossy-bus.ts";
import { pauses } from "./pauses.ts";

const troubles = [kills, kills, deadHosts, pauses, lossyBus, clockJumps];

export const everything: Scenario = {
  name: "everything",
  what: "All of it at once.",
  hosts: 4,
  faults: {
    lost: 0.02,
    repeated: 0.02,
    delayed: 0.02,
    driverFails: 0.01,
    driverFailsDone: 0.01,
    driverHangs: 0.002,
    refused: 0.003,
    unheard: 0.003,
  },
  excused: [401, 500, 503, 504],
  disturb: async (cloud, random) =>
    (await troubles[random.int(troubles.length)]!.disturb?.(cloud, random)) ?? 0,
};
