// What every volume driver keeps, on the fake and on real storage alike: each method once, twice, and after
// the process that ran it has died; and that nobody reads what another tenant wrote.
import assert from "node:assert/strict";
import { mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isFault, run, seededRandom, systemClock, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { VolumeDriver } from "./driver.ts";
import { volumeDriverErrors } from "./errors.ts";
import { type FakeVolumeDriver, fakeVolumeDriver } from "./fake.ts";
import { fileVolumeDriver } from "./file.ts";
import { lvmVolumeDriver } from "./lvm/driver.ts";
import { lvmUnavailable } from "./lvm/probe.ts";
import { reachable } from "./nbd/reachable.ts";

interface Kind<D extends VolumeDriver = VolumeDriver> {
  readonly name: string;
  readonly skip: string | false;
  /** Another driver over the same storage, as after the death of the first. */
  make(dir: string): D;
  write(driver: D, volumeId: Uuid, offset: number, bytes: Uint8Array): Promise<void>;
  read(driver: D, volumeId: Uuid, offset: number, size: number): Promise<Uint8Array>;
  readonly knowsImages: boolean;
  readonly limitGb: number | null;
}

const poolGb = 6;
const bytesPerGb = 1024 ** 3;
const secret = new TextEncoder().encode("the other tenant's secret");
const initiator = { host: "h1" };

const fake: Kind<FakeVolumeDriver> = {
  name: "fake",
  skip: false,
  make: (dir) => fakeVolumeDriver({ totalGb: poolGb, path: join(dir, "volumes.json") }),
  write: (driver, volumeId, offset, bytes) => driver.write(volumeId, offset, bytes),
  read: async (driver, volumeId, offset, size) => driver.read(volumeId, offset, size),
  knowsImages: false,
  limitGb: poolGb,
};
const real = { skip: false, write: writeBytes, read: readBytes, knowsImages: true } as const;
const file: Kind = {
  ...real,
  name: "file",
  make: (dir) => fileVolumeDriver({ dir: join(dir, "volumes") }),
  limitGb: null,
};
const reached: Kind = {
  ...file,
  name: "file, for all hosts,",
  make: (dir) =>
    reachable(fileVolumeDriver({ dir: join(dir, "volumes") }), {
      platform: { ...testPlatform(), clock: systemClock },
      host: initiator.host,
      stateDir: join(dir, "exports"),
      listen: null,
      certificate: async () => null,
      owner: null,
    }),
};
const lvm: Kind = {
  ...real,
  name: "lvm",
  skip: (await lvmUnavailable()) ?? false,
  make: (dir) =>
    lvmVolumeDriver({
      platform: { ...testPlatform(), clock: systemClock },
      stateDir: join(dir, "state"),
      sizeGb: poolGb,
    }),
  limitGb: poolGb,
};

keeps(fake);
keeps(file);
keeps(reached);
keeps(lvm);

function keeps<D extends VolumeDriver>(kind: Kind<D>): void {
  // LVM's commands mostly wait for the disk, each test for its own.
  describe(`the ${kind.name} driver`, { skip: kind.skip, concurrency: 4 }, () => {
    const withDriver = (work: (driver: D, dir: string) => Promise<void>) => async () => {
      const dir = await mkdtemp(join(tmpdir(), "micronova-volume-"));
      const driver = kind.make(dir);
      try {
        await driver.start();
        await work(driver, dir);
      } finally {
        await driver.dispose();
        await driver.dispose();
        await rm(dir, { recursive: true, force: true });
      }
    };
    const id = volumeIds(kind.name);

    test(
      "create makes a volume of exactly its size that reads as zeros, once and twice",
      withDriver(async (driver) => {
        const volumeId = id();

        await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
        await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });

        assert.deepEqual(await driver.list(), [{ volumeId, sizeGb: 1 }]);
        assert.deepEqual(await kind.read(driver, volumeId, bytesPerGb - 4096, 4096), new Uint8Array(4096));
      }),
    );

    test(
      "create again leaves what was written since",
      withDriver(async (driver) => {
        const volumeId = id();
        await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
        await kind.write(driver, volumeId, 4096, secret);

        await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });

        assert.deepEqual(await kind.read(driver, volumeId, 4096, secret.length), secret);
      }),
    );

    test(
      "delete is content with what is absent, and the next volume does not see the old bytes",
      withDriver(async (driver) => {
        const [first, second] = [id(), id()];
        await driver.create({ volumeId: first, sizeGb: 1 }, { kind: "blank" });
        await kind.write(driver, first, 8192, secret);

        await driver.delete(first);
        await driver.delete(first);
        await driver.create({ volumeId: second, sizeGb: 1 }, { kind: "blank" });

        assert.deepEqual(await driver.list(), [{ volumeId: second, sizeGb: 1 }]);
        assert.deepEqual(await kind.read(driver, second, 8192, secret.length), new Uint8Array(secret.length));
      }),
    );

    test(
      "a new driver finds the volumes of the one that died, with their bytes",
      withDriver(async (driver, dir) => {
        const volumeId = id();
        await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
        await kind.write(driver, volumeId, 0, secret);

        const next = kind.make(dir);
        await next.start();

        assert.deepEqual(await next.list(), [{ volumeId, sizeGb: 1 }]);
        assert.deepEqual(await kind.read(next, volumeId, 0, secret.length), secret);
        assert.deepEqual(await next.export(volumeId, initiator), await driver.export(volumeId, initiator));
        await next.stop();
      }),
    );

    test(
      "extend keeps the old bytes and adds zeros, also when a neighbour is in the way",
      withDriver(async (driver) => {
        const [grows, neighbour] = [id(), id()];
        await driver.create({ volumeId: grows, sizeGb: 1 }, { kind: "blank" });
        await driver.create({ volumeId: neighbour, sizeGb: 1 }, { kind: "blank" });
        await kind.write(driver, grows, bytesPerGb - 4096, secret);
        await kind.write(driver, neighbour, 0, secret);

        await driver.extend(grows, 2);
        await driver.extend(grows, 2);

        const sizes = new Map((await driver.list()).map(({ volumeId, sizeGb }) => [volumeId, sizeGb]));
        assert.deepEqual([sizes.get(grows), sizes.get(neighbour), sizes.size], [2, 1, 2]);
        assert.deepEqual(await kind.read(driver, grows, bytesPerGb - 4096, secret.length), secret);
        assert.deepEqual(
          await kind.read(driver, grows, bytesPerGb, secret.length),
          new Uint8Array(secret.length),
        );
        assert.deepEqual(await kind.read(driver, neighbour, 0, secret.length), secret);
        await assert.rejects(driver.extend(grows, 1), { kind: volumeDriverErrors.cannotShrink.kind });
      }),
    );

    test(
      "extend in place adds zeros where a deleted volume had been",
      withDriver(async (driver) => {
        const [grows, gone] = [id(), id()];
        await driver.create({ volumeId: grows, sizeGb: 1 }, { kind: "blank" });
        await driver.create({ volumeId: gone, sizeGb: 1 }, { kind: "blank" });
        await kind.write(driver, gone, 0, secret);
        await driver.delete(gone);

        await driver.extend(grows, 2);

        assert.deepEqual(
          await kind.read(driver, grows, bytesPerGb, secret.length),
          new Uint8Array(secret.length),
        );
      }),
    );

    test(
      "volumes made at the same time do not overlap",
      withDriver(async (driver) => {
        const ids = Array.from({ length: 4 }, id);

        await Promise.all(ids.map((volumeId) => driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" })));
        for (const [at, volumeId] of ids.entries()) {
          await kind.write(driver, volumeId, 4096, new Uint8Array(512).fill(at + 1));
        }

        for (const [at, volumeId] of ids.entries()) {
          assert.deepEqual(await kind.read(driver, volumeId, 4096, 512), new Uint8Array(512).fill(at + 1));
        }
      }),
    );

    test(
      "a full pool says how much was wanted and how much is free",
      { skip: kind.limitGb === null ? "a directory has no limit of its own" : false },
      withDriver(async (driver) => {
        await driver.create({ volumeId: id(), sizeGb: poolGb - 1 }, { kind: "blank" });
        assert.deepEqual((await driver.capacity()).freeGb, 1);

        const refused = driver.create({ volumeId: id(), sizeGb: 2 }, { kind: "blank" });

        await assert.rejects(
          refused,
          (error) => isFault(error, volumeDriverErrors.noSpace) && /2 GB: 1 GB/.test(error.message),
        );
        assert.equal((await driver.list()).length, 1);
      }),
    );

    test(
      "export of an unknown volume is refused, unexport is always content",
      withDriver(async (driver) => {
        await driver.unexport(id(), initiator);
        await assert.rejects(driver.export(id(), initiator), { kind: volumeDriverErrors.unknownVolume.kind });
      }),
    );

    test(
      "an image's bytes are in the volume, followed by zeros",
      { skip: kind.knowsImages ? false : "no bytes are copied" },
      withDriver(async (driver, dir) => {
        const raw = join(dir, "image,raw");
        const qcow2 = join(dir, "image.qcow2");
        await writeFile(raw, new Uint8Array(1024 * 1024).fill(7));
        await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, qcow2]);

        for (const [path, format] of [
          [raw, "raw"],
          [qcow2, "qcow2"],
        ] as const) {
          const volumeId = id();
          await driver.create({ volumeId, sizeGb: 1 }, { kind: "image", path, format });

          assert.deepEqual(
            await kind.read(driver, volumeId, 1024 * 1024 - 512, 512),
            new Uint8Array(512).fill(7),
          );
          assert.deepEqual(await kind.read(driver, volumeId, 1024 * 1024, 512), new Uint8Array(512));
        }
      }),
    );

    test(
      "an image larger than the volume is refused, and what was begun can be deleted",
      { skip: kind.knowsImages ? false : "no bytes are copied" },
      withDriver(async (driver, dir) => {
        const path = join(dir, "large.raw");
        await run("truncate", ["--size", `${2 * bytesPerGb}`, path]);
        const volumeId = id();

        const refused = driver.create({ volumeId, sizeGb: 1 }, { kind: "image", path, format: "raw" });

        await assert.rejects(refused, { kind: volumeDriverErrors.imageTooLarge.kind });
        await driver.delete(volumeId);
        assert.deepEqual(await driver.list(), []);
        assert.ok((await stat(path)).size > 0);
      }),
    );
  });
}

function volumeIds(seed: string): () => Uuid {
  const random = seededRandom(seed);
  return () => random.uuid();
}

async function writeBytes(
  driver: VolumeDriver,
  volumeId: Uuid,
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  const path = await pathOf(driver, volumeId);
  await using opened = await open(path, "r+");
  await opened.write(bytes, 0, bytes.length, offset);
  await opened.sync();
}

async function readBytes(
  driver: VolumeDriver,
  volumeId: Uuid,
  offset: number,
  size: number,
): Promise<Uint8Array> {
  const path = await pathOf(driver, volumeId);
  await using opened = await open(path, "r");
  const bytes = new Uint8Array(size);
  await opened.read(bytes, 0, size, offset);
  return bytes;
}

async function pathOf(driver: VolumeDriver, volumeId: Uuid): Promise<string> {
  const connection = await driver.export(volumeId, initiator);
  assert.equal(connection.kind, "path");
  return connection.path;
}
