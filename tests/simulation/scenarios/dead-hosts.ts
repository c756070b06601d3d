// Hosts lose their power and come back; workers hang and go on where they were.
import type { Scenario } from "../scenario.ts";

export const deadHosts: Scenario = {
  name: "dead-hosts",
  what: "Hosts lose their power for seconds or minutes; workers hang and go on.",
  hosts: 4,
  async disturb(cloud, random) {
    const host = cloud.hosts[random.int(cloud.hosts.length)]!;
    const awayMs = random.int(random.chance(0.3) ? 150_000 : 20_000);
    if (random.chance(0.5)) {
      cloud.powerOff(host);
      cloud.world.clock.wakeIn(awayMs, () => cloud.powerOn(host));
    } else {
      const worker = cloud.process(random.chance(0.2) ? "volume" : `compute.${host.name}`);
      worker.freeze();
      cloud.world.clock.wakeIn(awayMs, () => worker.thaw());
    }
    return 10_000 + random.int(30_000);
  },
};
