// What an interrupted driver leaves in its volume group, and that the next one makes it whole; and that
// nothing of others is touched.
import assert from "node:assert/strict";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { run, systemClock } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { LocalVolumeDriver } from "../../packages/volume/drivers/driver.ts";
import { volumeDriverErrors } from "../../packages/volume/drivers/errors.ts";
import { type LvmCommands, lvmCommands } from "../../packages/volume/drivers/lvm/commands.ts";
import { lvmVolumeDriver } from "../../packages/volume/drivers/lvm/driver.ts";
import { attachLoop, loopsOver } from "../../packages/volume/drivers/lvm/loops.ts";
import { cloudName } from "../../packages/volume/drivers/lvm/own-group.ts";
import { hasDeviceMapper, hasUdev, lvmUnavailable } from "../../packages/volume/drivers/lvm/probe.ts";

const volumeId = "11111111-2222-4333-8444-555555555555";
const secret = Buffer.from("the other tenant's secret");
const gb = 1024 ** 3;

interface Pool {
  readonly stateDir: string;
  readonly driver: LocalVolumeDriver;
  readonly lvm: LvmCommands;
  readonly group: string;
  readonly device: string;
}

const withPool = (work: (pool: Pool) => Promise<void>) => async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "micronova-lvm-"));
  const driver = aDriver(stateDir);
  try {
    await driver.start();
    const whole = (await loopsOver(join(stateDir, "volumes.img"))).find(({ offset }) => offset === 0);
    const device = whole?.device ?? "";
    const host = { hasMapper: await hasDeviceMapper(), hasUdev: await hasUdev() };
    const lvm = lvmCommands({ ...host, onlyDevice: device });
    await work({ stateDir, driver, lvm, group: cloudName(stateDir), device });
  } finally {
    await driver.dispose();
    await rm(stateDir, { recursive: true, force: true });
  }
};

const aDriver = (stateDir: string) =>
  lvmVolumeDriver({ platform: { ...testPlatform(), clock: systemClock }, stateDir, sizeGb: 6 });

async function write(driver: LocalVolumeDriver, id: string, offset = 0): Promise<void> {
  const { path } = await driver.export(id, { host: "h1" });
  await using file = await open(path, "r+");
  await file.write(secret, 0, secret.length, offset);
  await file.sync();
}

async function read(driver: LocalVolumeDriver, id: string, offset = 0): Promise<Buffer> {
  const { path } = await driver.export(id, { host: "h1" });
  await using file = await open(path, "r");
  const bytes = Buffer.alloc(secret.length);
  await file.read(bytes, 0, bytes.length, offset);
  return bytes;
}

const zeros = Buffer.alloc(secret.length);
const skip = (await lvmUnavailable()) ?? false;

describe("the lvm driver", { skip, concurrency: 4 }, () => {
  test(
    "a creation cut short before its zeros is done again",
    withPool(async ({ driver, lvm, group }) => {
      await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
      await write(driver, volumeId);
      await lvm.change("lvchange", ["--addtag", "unwritten=0", `${group}/volume-${volumeId}`]);

      await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });

      assert.deepEqual(await read(driver, volumeId), zeros);
    }),
  );

  test(
    "a growth cut short before its zeros keeps the old bytes and zeroes the new ones",
    withPool(async ({ driver, lvm, group }) => {
      await driver.create({ volumeId, sizeGb: 2 }, { kind: "blank" });
      await write(driver, volumeId);
      await write(driver, volumeId, gb);
      await lvm.change("lvchange", ["--addtag", `unwritten=${gb}`, `${group}/volume-${volumeId}`]);

      await driver.extend(volumeId, 2);

      assert.deepEqual(await read(driver, volumeId), secret);
      assert.deepEqual(await read(driver, volumeId, gb), zeros);
    }),
  );

  test(
    "a volume that was moving when the worker died is whole at the next start",
    withPool(async ({ stateDir, driver, lvm, group }) => {
      await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
      await write(driver, volumeId);
      // The copy was complete and the original renamed; the copy had not yet taken its name.
      await driver.create({ volumeId: "99999999-2222-4333-8444-555555555555", sizeGb: 1 }, { kind: "blank" });
      await lvm.change("lvrename", [
        group,
        "volume-99999999-2222-4333-8444-555555555555",
        `replaced-${volumeId}`,
      ]);
      await lvm.change("lvrename", [group, `volume-${volumeId}`, `grown-${volumeId}`]);

      const next = aDriver(stateDir);
      await next.start();

      assert.deepEqual(await next.list(), [{ volumeId, sizeGb: 1 }]);
      assert.deepEqual(await read(next, volumeId), secret);
      assert.equal((await next.capacity()).freeGb, 5);
    }),
  );

  test(
    "a copy that was never complete goes, the original stays",
    withPool(async ({ stateDir, driver, lvm, group }) => {
      await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
      await write(driver, volumeId);
      const copy = "99999999-2222-4333-8444-555555555555";
      await driver.create({ volumeId: copy, sizeGb: 2 }, { kind: "blank" });
      await lvm.change("lvrename", [group, `volume-${copy}`, `grown-${volumeId}`]);

      const next = aDriver(stateDir);
      await next.start();

      assert.deepEqual(await next.list(), [{ volumeId, sizeGb: 1 }]);
      assert.deepEqual(await read(next, volumeId), secret);
    }),
  );

  test(
    "another owner's logical volume is neither listed nor deleted",
    withPool(async ({ driver, lvm, group }) => {
      const foreign = ["--yes", "-an", "-Zn", "-Wn", "--size", "64m", "--name", `volume-${volumeId}`, group];
      await lvm.change("lvcreate", foreign);

      assert.deepEqual(await driver.list(), []);
      await assert.rejects(driver.delete(volumeId), { kind: volumeDriverErrors.notOurs.kind });
      const [row] = await lvm.report("lvs", ["lv_name"], [group]);
      assert.equal(row?.["lv_name"], `volume-${volumeId}`);
    }),
  );

  test("a start that was cut short while making the group is made anew, and a second start attaches nothing more", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "micronova-lvm-"));
    const driver = aDriver(stateDir);
    const unfinished = join(stateDir, "volumes.img.new");
    try {
      await run("truncate", ["--size", "64M", unfinished]);
      await attachLoop(unfinished);

      await driver.start();
      await aDriver(stateDir).start();

      await assert.rejects(stat(unfinished), { code: "ENOENT" });
      const { stdout } = await run("losetup", ["--noheadings", "--output", "BACK-FILE"]);
      assert.equal(stdout.split("\n").filter((line) => line.includes(stateDir)).length, 1);
      assert.deepEqual((await driver.capacity()).totalGb, 6);
    } finally {
      await driver.dispose();
      await rm(stateDir, { recursive: true, force: true });
    }
  });

  test(
    "a group that is to be larger grows at the next start, with its volumes in it",
    withPool(async ({ stateDir, driver }) => {
      await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
      await write(driver, volumeId);

      const next = lvmVolumeDriver({
        platform: { ...testPlatform(), clock: systemClock },
        stateDir,
        sizeGb: 8,
      });
      await next.start();

      assert.deepEqual(await next.capacity(), { ...(await driver.capacity()), totalGb: 8, freeGb: 7 });
      assert.deepEqual(await read(next, volumeId), secret);
    }),
  );

  test("dispose leaves neither loop device nor file", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "micronova-lvm-"));
    const driver = aDriver(stateDir);
    await driver.start();
    await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });

    await driver.dispose();

    await assert.rejects(stat(join(stateDir, "volumes.img")), { code: "ENOENT" });
    const { stdout } = await run("losetup", ["--noheadings", "--output", "BACK-FILE"]);
    assert.ok(!stdout.includes(stateDir));
    await rm(stateDir, { recursive: true, force: true });
  });
});
