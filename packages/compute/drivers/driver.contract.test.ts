// One suite for every driver: each method once, twice, and by a new driver over what a crashed one left. QEMU
// runs without a guest here, its firmware is enough; what needs a guest's help stands in
// tests/processes/guest.test.ts.
import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isFault, type Platform, processErrors, run, systemClock, systemRandom } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { DomainSpec, Nic, VirtDriver, VolumeDisk } from "./driver.ts";
import { driverErrors } from "./errors.ts";
import { fakeDriver } from "./fake.ts";
import { qemuDriver } from "./qemu/driver.ts";

// Guests are real processes, so their time is the real one.
const platform: Platform = { ...testPlatform(), clock: systemClock, random: systemRandom };

interface Kind {
  readonly name: string;
  readonly make: (folder: string) => VirtDriver;
  /** Whether devices can be taken from a running server without an operating system in it. */
  readonly releasesWithoutGuest: boolean;
}

const kinds: readonly Kind[] = [
  {
    name: "fake",
    make: (folder) => fakeDriver({ platform, path: join(folder, "guests.json") }),
    releasesWithoutGuest: true,
  },
  {
    name: "qemu",
    make: (stateDir) => qemuDriver({ platform, stateDir, accelerator: "tcg", softRebootMs: 100 }),
    releasesWithoutGuest: false,
  },
];

const why = await whyNoQemu();

for (const kind of kinds) {
  describe(`the ${kind.name} driver`, { skip: kind.name === "qemu" && why }, () => contract(kind));
}

function contract(kind: Kind): void {
  let folder: string;
  let driver: VirtDriver;
  const serverIds: string[] = [];
  const spawned = async (parts: Partial<DomainSpec> = {}) => {
    const spec = aSpec(parts);
    serverIds.push(spec.serverId);
    await driver.spawn(spec);
    return spec;
  };
  const crash = async () => {
    await driver.stop();
    driver = kind.make(folder);
    await driver.start();
  };
  const power = async (serverId: string) => (await driver.info(serverId))?.power;

  before(async () => {
    // Deeper than a socket's path can be long.
    folder = await mkdtemp(join(tmpdir(), `micronova-driver-${"deep-".repeat(12)}`));
    await chmod(folder, 0o755);
    driver = kind.make(folder);
    await driver.start();
  });
  after(async () => {
    for (const serverId of serverIds) await driver.destroy(serverId);
    await driver.stop();
    await rm(folder, { recursive: true });
  });

  test("says what the host has and how busy it is", async () => {
    const { vcpus, memoryMb, diskGb, hypervisorVersion } = await driver.inventory();
    const load = await driver.load();

    for (const amount of [vcpus, memoryMb, diskGb, hypervisorVersion]) assert.ok(amount > 0);
    assert.ok(load.freeMemoryMb > 0 && load.freeMemoryMb <= memoryMb);
  });

  test("spawns once, however often it is asked and whoever asks", async () => {
    const spec = await spawned();

    await driver.spawn(spec);
    await crash();
    const info = await driver.spawn(spec);

    assert.equal(info.power, "running");
    assert.equal((await driver.list()).filter(({ serverId }) => serverId === spec.serverId).length, 1);
  });

  test("destroys for good, also what is absent", async () => {
    const { serverId } = await spawned();

    await driver.destroy(serverId);
    await driver.destroy(serverId);
    await crash();

    assert.equal(await driver.info(serverId), null);
    assert.equal(await driver.consoleOutput(serverId, null), "");
  });

  test("goes off and on, and stays so after a crash", async () => {
    const { serverId } = await spawned();

    await driver.power(serverId, false);
    await driver.power(serverId, false, { graceMs: 50 });
    await crash();
    assert.equal(await power(serverId), "shutdown");

    await driver.power(serverId, true);
    await driver.power(serverId, true);
    assert.equal(await power(serverId), "running");
  });

  test("pauses and goes on", async () => {
    const { serverId } = await spawned();

    await driver.pause(serverId, true);
    await driver.pause(serverId, true);
    await crash();
    assert.equal(await power(serverId), "paused");

    await driver.pause(serverId, false);
    await driver.pause(serverId, false);
    assert.equal(await power(serverId), "running");
  });

  test("keeps a suspended server's memory over a crash", async () => {
    const { serverId } = await spawned();

    await driver.suspend(serverId, true);
    await driver.suspend(serverId, true);
    await crash();
    assert.equal(await power(serverId), "suspended");

    await driver.suspend(serverId, false);
    await driver.suspend(serverId, false);
    assert.equal(await power(serverId), "running");
  });

  for (const how of ["hard", "soft"] as const) {
    test(`a ${how} reboot ends in a running server, and again is nothing`, async () => {
      const { serverId } = await spawned();

      await driver.reboot(serverId, how, "operation-1");
      await driver.pause(serverId, true);
      await crash();
      await driver.reboot(serverId, how, "operation-1");
      assert.equal(await power(serverId), "paused");

      await driver.reboot(serverId, how, "operation-2");
      assert.equal(await power(serverId), "running");
    });
  }

  test("attaches a volume to a running server, once", async () => {
    const { serverId } = await spawned();
    const volume = await aVolume(folder);

    const first = await driver.attachVolume(serverId, volume);
    await crash();
    const second = await driver.attachVolume(serverId, volume);

    assert.match(first.device, /^\/dev\/vd[a-z]$/);
    assert.deepEqual(second, first);
    assert.deepEqual((await driver.info(serverId))?.volumes, [volume.volumeId]);
  });

  test("attaches to and detaches from a stopped server, which then starts", async () => {
    const { serverId } = await spawned();
    const [kept, taken] = [await aVolume(folder), await aVolume(folder)];
    await driver.power(serverId, false);

    const devices = [await driver.attachVolume(serverId, taken), await driver.attachVolume(serverId, kept)];
    await driver.detachVolume(serverId, taken.volumeId);
    await driver.detachVolume(serverId, taken.volumeId);
    await driver.power(serverId, true);

    assert.notEqual(devices[0]?.device, devices[1]?.device);
    assert.deepEqual((await driver.info(serverId))?.volumes, [kept.volumeId]);
    assert.equal(await power(serverId), "running");
  });

  test("starts with volumes and NICs, and names each differently", async () => {
    const [one, two] = [await aVolume(folder), await aVolume(folder)];
    const nic = aNic();

    const { serverId } = await spawned({ volumes: [one, two], nics: [nic] });

    const info = await driver.info(serverId);
    assert.deepEqual(info?.volumes, [one.volumeId, two.volumeId]);
    assert.deepEqual(info?.ports, [nic.portId]);
  });

  test("plugs a NIC in, and takes it out of a stopped server", async () => {
    const { serverId } = await spawned();
    const nic = aNic();

    await driver.attachNic(serverId, nic);
    await driver.attachNic(serverId, nic);
    assert.deepEqual((await driver.info(serverId))?.ports, [nic.portId]);

    if (!kind.releasesWithoutGuest) await driver.power(serverId, false);
    await driver.detachNic(serverId, nic.portId);
    await driver.detachNic(serverId, nic.portId);
    assert.deepEqual((await driver.info(serverId))?.ports, []);
  });

  test("detaching from a server that is gone is success", async () => {
    await driver.detachVolume(platform.random.uuid(), platform.random.uuid());
    await driver.detachNic(platform.random.uuid(), platform.random.uuid());
  });

  test("says that a server is not here", async () => {
    const absent = platform.random.uuid();
    const isAbsent = (error: unknown) => isFault(error, driverErrors.noDomain);

    assert.equal(await driver.info(absent), null);
    await assert.rejects(driver.power(absent, true), isAbsent);
    await assert.rejects(driver.reboot(absent, "hard", "operation"), isAbsent);
    await assert.rejects(driver.attachVolume(absent, await aVolume(folder)), isAbsent);
  });

  test("lists what really is here", async () => {
    const { serverId } = await spawned();

    const found = (await driver.list()).find((info) => info.serverId === serverId);

    assert.deepEqual(found, { serverId, power: "running", volumes: [], ports: [] });
  });
}

describe("the qemu driver alone", { skip: why }, () => {
  let folder: string;
  let driver: VirtDriver;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "micronova-driver-"));
    await chmod(folder, 0o755);
    driver = qemuDriver({ platform, stateDir: folder, accelerator: "tcg" });
    await driver.start();
  });
  after(async () => {
    for (const { serverId } of await driver.list()) await driver.destroy(serverId);
    await driver.stop();
    await rm(folder, { recursive: true });
  });

  test("removes what a spawn that was cut short left", async () => {
    const spec = aSpec({ image: { imageId: platform.random.uuid(), path: "/nowhere", format: "raw" } });

    await assert.rejects(driver.spawn(spec));
    assert.equal((await driver.info(spec.serverId))?.power, "shutdown");

    await driver.destroy(spec.serverId);
    assert.equal(await driver.info(spec.serverId), null);
  });

  test("says in QEMU's words why a server does not start", async () => {
    const spec = aSpec({ kernel: { kernelPath: "/nowhere", ramdiskPath: null, commandLine: "" } });

    await assert.rejects(driver.spawn(spec), (error) => {
      assert.ok(isFault(error, driverErrors.startFailed));
      assert.match(error.message, /\/nowhere/);
      return true;
    });
  });

  test("gives the root disk the flavor's size over an image that may be deleted", async () => {
    const path = join(folder, "image.raw");
    await writeFile(path, "");
    await truncate(path, 1024 * 1024);
    const image = { imageId: platform.random.uuid(), path, format: "raw" as const };

    const { serverId } = aSpec({});
    await driver.spawn(aSpec({ serverId, image, rootGb: 2 }));
    await rm(path);
    await driver.power(serverId, false);
    const disk = join(folder, "servers", serverId, "disk.qcow2");
    const info = JSON.parse((await run("qemu-img", ["info", "--output=json", disk])).stdout);

    assert.equal(info["virtual-size"], 2 * 1024 ** 3);
    assert.equal(info["backing-filename-format"], "raw");
    await driver.power(serverId, true);
  });

  test("guests run sandboxed, and as another user when the worker is root", async () => {
    const spec = aSpec({});
    await driver.spawn(spec);

    const pid = (await readFile(join(folder, "servers", spec.serverId, "pid"), "utf8")).trim();
    const status = await readFile(`/proc/${pid}/status`, "utf8");

    assert.match(status, /^Seccomp:\t2$/m);
    assert.doesNotMatch(status, /^Uid:\t0\b/m);
  });

  test("the config drive's content stays out of the server's description", async () => {
    const spec = aSpec({
      configDrive: { "openstack/latest/meta_data.json": btoa('{"admin_pass":"s3cret"}') },
    });

    await driver.spawn(spec);

    const own = join(folder, "servers", spec.serverId);
    assert.doesNotMatch(await readFile(join(own, "spec.json"), "utf8"), /meta_data|s3cret/);
    assert.equal((await stat(own)).mode & 0o077, 0);
  });
});

function aSpec(parts: Partial<DomainSpec>): DomainSpec {
  const serverId = platform.random.uuid();
  return {
    serverId,
    name: "a-server",
    vcpus: 1,
    memoryMb: 64,
    rootGb: 0,
    ephemeralGb: 0,
    swapMb: 0,
    image: null,
    kernel: null,
    architecture: "x86_64",
    nics: [],
    volumes: [],
    configDrive: null,
    ...parts,
  };
}

async function aVolume(folder: string): Promise<VolumeDisk> {
  const volumeId = platform.random.uuid();
  const path = join(folder, `volume-${volumeId}`);
  await writeFile(path, "");
  await truncate(path, 4 * 1024 * 1024);
  return { volumeId, path, format: "raw", device: null, bootIndex: null };
}

function aNic(): Nic {
  const last = Buffer.from(platform.random.bytes(3))
    .toString("hex")
    .replace(/(..)(..)(..)/, "$1:$2:$3");
  return {
    portId: platform.random.uuid(),
    macAddress: `52:54:00:${last}`,
    mtu: 1500,
    plug: { kind: "none" },
  };
}

async function whyNoQemu(): Promise<string | false> {
  try {
    await run("qemu-system-x86_64", ["-version"]);
    return false;
  } catch (error) {
    if (isFault(error, processErrors.notFound)) return "QEMU is not installed";
    throw error;
  }
}
