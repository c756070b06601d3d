// One suite for every driver: each method once, twice, and by a process that comes after.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock, systemRandom } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { HostNetwork, NetworkDriver, PortSpec } from "./driver.ts";
import { fakeNetworkDriver } from "./fake.ts";
import { linuxNetworkDriver } from "./linux/driver.ts";
import { whyNoLinuxHost } from "./linux/testing.ts";
import { aNetwork, aPort } from "./testing.ts";
import { userNetworkDriver } from "./user.ts";

const all = (ports: readonly PortSpec[]): HostNetwork => ({ ports, routed: [], remotes: [] });
const platform = { ...testPlatform(), clock: systemClock, random: systemRandom };

interface Case {
  readonly name: string;
  readonly skip: string | false;
  /** Makes the driver as a new process would; null when nothing outlives the process. */
  readonly make: (stateDir: string, cloudId: string) => NetworkDriver;
  readonly survives: boolean;
}

const cases: readonly Case[] = [
  { name: "fake", skip: false, make: () => fakeNetworkDriver(), survives: false },
  {
    name: "user",
    skip: false,
    make: (stateDir) => userNetworkDriver({ platform, stateDir }),
    survives: true,
  },
  {
    name: "linux",
    skip: whyNoLinuxHost() ?? false,
    make: (stateDir, cloudId) => linuxNetworkDriver({ platform, stateDir, cloudId }),
    survives: true,
  },
];

for (const { name, skip, make, survives } of cases) {
  test(`the ${name} driver plugs, lists, applies and unplugs, however often it is told`, {
    skip,
  }, async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "micronova-driver-"));
    const cloudId = systemRandom.uuid();
    const driver = make(stateDir, cloudId);
    const network = aNetwork(systemRandom.uuid(), { prefix: "10.213.9" });
    const [one, two] = [aPort(network, systemRandom.uuid(), 11), aPort(network, systemRandom.uuid(), 12)];
    try {
      await driver.start();
      const plug = await driver.plug(one);
      assert.deepEqual(await driver.plug(one), plug);
      await Promise.all([driver.plug(two), driver.plug(one)]);
      assert.deepEqual((await driver.list()).toSorted(), [one.id, two.id].toSorted());

      await driver.apply(all([one]));
      await driver.apply(all([one]));
      assert.deepEqual(await driver.list(), [one.id]);

      await driver.refresh(all([{ ...one, hostname: "renamed" }, two]));
      assert.deepEqual(await driver.list(), [one.id]);
      await driver.refresh(all([one]));

      await driver.stop();
      const later = make(stateDir, cloudId);
      await later.start();
      if (survives) {
        assert.deepEqual(await later.list(), [one.id]);
        assert.deepEqual(await later.plug(one), plug);
      }

      await later.unplug(one.id);
      await later.unplug(one.id);
      assert.deepEqual(await later.list(), []);
    } finally {
      await make(stateDir, cloudId).dispose();
      await rm(stateDir, { recursive: true });
    }
  });
}
