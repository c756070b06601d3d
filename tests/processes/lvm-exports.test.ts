// That a guest which is given a volume reaches that volume and nothing beside it, that what it writes is what
// the next one reads, and that no loop device is left over.
import assert from "node:assert/strict";
import { mkdtemp, open, readdir, realpath, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Platform, run, systemClock, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { LocalVolumeDriver } from "../../packages/volume/drivers/driver.ts";
import { volumeDriverErrors } from "../../packages/volume/drivers/errors.ts";
import { bytesPerGb } from "../../packages/volume/drivers/image-bytes.ts";
import { lvmVolumeDriver } from "../../packages/volume/drivers/lvm/driver.ts";
import { attachLoop, detachLoop, type Loop, loopsOver } from "../../packages/volume/drivers/lvm/loops.ts";
import { hasDeviceMapper, lvmUnavailable } from "../../packages/volume/drivers/lvm/probe.ts";

const volumeId = "11111111-2222-4333-8444-555555555555";
const neighbour = "22222222-2222-4333-8444-555555555555";
const initiator = { host: "h1" };
const secret = Buffer.from("what the first guest wrote");

interface Stage {
  readonly stateDir: string;
  readonly image: string;
  readonly driver: LocalVolumeDriver;
}

/** A pool with a volume of 1 GB; afterwards the host's loop devices are what they were. */
const withVolume = (work: (stage: Stage) => Promise<void>) => async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "micronova-exports-"));
  const driver = aDriver(stateDir);
  try {
    await driver.start();
    await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
    await work({ stateDir, image: join(stateDir, "volumes.img"), driver });
  } finally {
    await driver.dispose();
    const { stdout } = await run("losetup", ["--list", "--noheadings", "--output", "AUTOCLEAR,BACK-FILE"]);
    const left = stdout.split("\n").filter((line) => line.includes(stateDir) && !line.trim().startsWith("1"));
    assert.deepEqual(left, [], "a loop device is left");
    await rm(stateDir, { recursive: true, force: true });
  }
};

function aDriver(stateDir: string): LocalVolumeDriver {
  // Devices are released in real time.
  const platform: Platform = { ...testPlatform(), clock: systemClock };
  return lvmVolumeDriver({ platform, stateDir, sizeGb: 4 });
}

const exportOf = async (driver: LocalVolumeDriver, id: Uuid = volumeId) =>
  (await driver.export(id, initiator)).path;

/** Without those that go: a program that looks at all devices, as LVM does, may have one open briefly. */
async function attached(image: string): Promise<readonly Loop[]> {
  return (await loopsOver(image)).filter(({ isGoing }) => !isGoing);
}

async function dd(...words: string[]): Promise<string> {
  return (await run("dd", [...words, "status=none"])).stdout;
}

const skip =
  (await lvmUnavailable()) ??
  ((await hasDeviceMapper()) ? "with the device mapper volumes have devices of their own" : false);

describe("exports without the device mapper", { skip, concurrency: 4 }, () => {
  test(
    "a volume's device has exactly its bytes, and is not the device of all volumes",
    withVolume(async ({ driver, image }) => {
      const device = await realpath(await exportOf(driver));

      const { stdout } = await run("blockdev", ["--getsize64", device]);
      assert.equal(Number(stdout), bytesPerGb);
      const [loop, ...more] = (await attached(image)).filter((each) => each.device === device);
      assert.equal(loop?.size, bytesPerGb);
      assert.deepEqual(more, []);
    }),
  );

  test(
    "what is written through one export is read through the next, and neighbours do not see it",
    withVolume(async ({ driver }) => {
      await driver.create({ volumeId: neighbour, sizeGb: 1 }, { kind: "blank" });
      const first = await exportOf(driver);
      const last = bytesPerGb - 512;
      await run("dd", [`of=${first}`, "bs=512", `seek=${last / 512}`, "conv=notrunc", "status=none"], {
        input: secret.toString(),
      });
      await driver.unexport(volumeId, initiator);

      const second = await exportOf(driver);
      const read = await dd(`if=${second}`, "bs=512", `skip=${last / 512}`, "count=1");

      assert.equal(read.slice(0, secret.length), secret.toString());
      assert.equal(
        /[^\0]/.test(await dd(`if=${await exportOf(driver, neighbour)}`, "bs=512", "count=1")),
        false,
      );
    }),
  );

  test(
    "QEMU's writes are what the next export reads",
    withVolume(async ({ driver }) => {
      const write = ["-f", "raw", "-t", "none", "-c", "write -P 0x5a 1M 1M", await exportOf(driver)];
      await run("qemu-io", write);
      await driver.unexport(volumeId, initiator);

      const read = ["-f", "raw", "-r", "-t", "none", "-c", "read -P 0x5a 1M 1M", await exportOf(driver)];
      assert.doesNotMatch((await run("qemu-io", read)).stdout, /verification failed/);
    }),
  );

  test(
    "a driver that was killed leaves one export, which the next one goes on with",
    withVolume(async ({ driver, stateDir, image }) => {
      const path = await exportOf(driver);
      const device = await realpath(path);

      const next = aDriver(stateDir);
      await next.start();

      assert.equal(await exportOf(next), path);
      assert.equal(await realpath(path), device);
      assert.equal((await attached(image)).length, 2);
    }),
  );

  test(
    "an export that was killed before it had its name is taken, or goes",
    withVolume(async ({ driver, stateDir, image }) => {
      const device = await realpath(await exportOf(driver));
      await rm(join(stateDir, "exports", volumeId));
      assert.equal(await realpath(await exportOf(driver)), device);

      await rm(join(stateDir, "exports", volumeId));
      await aDriver(stateDir).start();

      assert.equal((await attached(image)).length, 1);
    }),
  );

  test(
    "after a restart of the machine exports are under their old names again",
    withVolume(async ({ driver, stateDir, image }) => {
      const path = await exportOf(driver);
      for (const { device } of await attached(image)) await detachLoop(device);
      // A number that now belongs to somebody else.
      await rm(path);
      await symlink("/dev/loop-control", path);
      await symlink("/dev/null", join(stateDir, "exports", neighbour));

      await aDriver(stateDir).start();

      const loop = (await attached(image)).find(({ size }) => size === bytesPerGb);
      assert.equal(await realpath(path), loop?.device);
      assert.deepEqual(await readdir(join(stateDir, "exports")), [volumeId]);
    }),
  );

  test(
    "unexport and delete take the device away, and its rights with it",
    withVolume(async ({ driver, image }) => {
      const device = await realpath(await exportOf(driver));
      await run("chown", ["65534:65534", device]);

      await driver.unexport(volumeId, initiator);
      await driver.unexport(volumeId, initiator);

      assert.equal((await attached(image)).length, 1);
      assert.equal((await stat(device)).uid, 0);

      await exportOf(driver);
      await driver.delete(volumeId);
      assert.equal((await attached(image)).length, 1);
      await driver.unexport(volumeId, initiator);
    }),
  );

  test(
    "a volume that something has open is not wiped, and its device is not handed out again",
    withVolume(async ({ driver }) => {
      const device = await realpath(await exportOf(driver));
      await using file = await open(device, "r");

      await assert.rejects(driver.delete(volumeId), { kind: volumeDriverErrors.stillOpen.kind });

      assert.notEqual(await realpath(await exportOf(driver)), device);
      await file.close();
    }),
  );

  test(
    "a volume grows although it was exported, and is exported larger",
    withVolume(async ({ driver }) => {
      await exportOf(driver);

      await driver.extend(volumeId, 2);

      const { stdout } = await run("blockdev", ["--getsize64", await exportOf(driver)]);
      assert.equal(Number(stdout), 2 * bytesPerGb);
    }),
  );

  test(
    "a device whose node is missing gets one",
    withVolume(async ({ stateDir }) => {
      const image = join(stateDir, "other.img");
      await run("truncate", ["--size", "64M", image]);
      const free = (await run("losetup", ["--find"])).stdout.trim();
      await rm(free, { force: true });

      const device = await attachLoop(image, { offset: 4096, size: 8192 });

      assert.ok((await stat(device)).isBlockDevice());
      await detachLoop(device);
      assert.ok((await stat(free)).isBlockDevice());
    }),
  );
});
