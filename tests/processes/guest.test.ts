// The tiny guest on the QEMU driver: boots both ways, can be logged in to, and works together when disks and
// NICs come and go. Real guests on an emulated processor, so this takes half a minute, and minutes when the
// image is built first.
import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildGuestImage, type GuestImage, guestCommandLine } from "@micronova/guest";
import { type Platform, run, silentLog, systemClock, systemRandom, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { DomainSpec, Nic, PathDisk, VirtDriver } from "../../packages/compute/drivers/driver.ts";
import { qemuDriver } from "../../packages/compute/drivers/qemu/driver.ts";

const platform: Platform = { ...testPlatform(), clock: systemClock, random: systemRandom };
// An emulated guest on a machine that is busy with other tests.
const bootMsMax = 60_000;
const pollMs = 200;
const mebibyte = 1024 * 1024;

// Where the demo keeps it too.
const guestCache = join(import.meta.dirname, "../../node_modules/.cache/micronova-guest");

const missing = await whatIsMissing();

describe("the tiny guest", { skip: missing }, () => {
  let folder: string;
  let driver: VirtDriver;
  let guest: GuestImage;
  /** Goes on from what the one before left; that one lets go, or its timer would keep this process alive. */
  const newDriver = async () => {
    await driver?.stop();
    driver = qemuDriver({ platform, stateDir: join(folder, "host"), accelerator: "auto" });
    await driver.start();
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "micronova-guest-"));
    await chmod(folder, 0o755);
    await run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", join(folder, "key")]);
    await newDriver();
    guest = await buildGuestImage({ cacheDir: guestCache, log: silentLog });
  });
  after(async () => {
    for (const { serverId } of await driver.list()) await driver.destroy(serverId);
    await driver.stop();
    await rm(folder, { recursive: true });
  });

  /** A server that is logged in to as `cirros`. */
  const boot = async (parts: Partial<DomainSpec>) => {
    const nic = await userNic(1);
    const spec = { ...aSpec(), nics: [nic], ...parts };
    const key = await readFile(join(folder, "key.pub"), "utf8");
    const metadata = {
      uuid: spec.serverId,
      hostname: "alpha.novalocal",
      meta: { note: 'a } and "public_keys": {' },
      public_keys: { mine: key },
    };
    const configDrive = {
      "openstack/latest/meta_data.json": Buffer.from(JSON.stringify(metadata)).toString("base64"),
      "openstack/latest/user_data": Buffer.from("#!/bin/sh\necho user data ran\n").toString("base64"),
    };
    await driver.spawn({ ...spec, configDrive });
    const shell = (command: string) => ssh(join(folder, "key"), sshPort(nic), command);
    await eventually("logs in", () => shell("true"));
    return { serverId: spec.serverId, shell };
  };

  test("boots from its disk, which is its root and keeps what is written over a reboot", async () => {
    const image = { imageId: platform.random.uuid(), path: guest.disk, format: "qcow2" as const };
    const { serverId, shell } = await boot({ image, rootGb: 1 });

    assert.match(await shell("df / | tail -n 1"), /^\/dev\/vda1 /);
    await eventually("has the whole disk", () => shell("test $(df -m / | awk 'END { print $2 }') -gt 900"));
    assert.equal(await shell("hostname"), "alpha\n");
    assert.equal(await shell("sudo -n id -u"), "0\n");
    await shell("sudo sh -c 'echo kept >/var/lib/note; sync'");
    const before = await shell("cat /proc/sys/kernel/random/boot_id");

    await driver.reboot(serverId, "soft", "reboot-1");
    await eventually("logs in again", () => shell("true"));

    assert.notEqual(await shell("cat /proc/sys/kernel/random/boot_id"), before);
    assert.equal(await shell("cat /var/lib/note"), "kept\n");
    const output = await driver.consoleOutput(serverId, null);
    assert.equal(output.match(/user data ran/g)?.length, 1);
    assert.match(output, /login as 'cirros' user/);

    await driver.power(serverId, false, { graceMs: bootMsMax });
    assert.match(await driver.consoleOutput(serverId, 5), /Power down/);
    await driver.destroy(serverId);
  });

  test("boots from kernel and ramdisk, and carries a volume from one server to another", async () => {
    const kernel = { kernelPath: guest.kernel, ramdiskPath: guest.ramdisk, commandLine: guestCommandLine };
    const volume = await aVolume(folder);

    const first = await boot({ kernel });
    const { device } = await driver.attachVolume(first.serverId, volume);
    await eventually("sees the disk", () => first.shell(`test -b ${device}`));
    assert.equal(await first.shell(`sudo cat /sys/block/vda/serial`), volume.volumeId.slice(0, 20));
    await first.shell(`sudo mke2fs -q -t ext4 ${device} && sudo mount ${device} /mnt`);
    await first.shell("sudo sh -c 'echo outlives >/mnt/note'; sudo umount /mnt");
    await newDriver();
    await driver.detachVolume(first.serverId, volume.volumeId);
    await driver.detachVolume(first.serverId, volume.volumeId);
    await assert.rejects(first.shell(`test -b ${device}`));
    await driver.destroy(first.serverId);

    const second = await boot({ kernel, volumes: [volume] });
    assert.equal(await second.shell("sudo mount /dev/vda /mnt && cat /mnt/note"), "outlives\n");
    assert.ok((await readFile(volume.path)).includes("outlives"));
    await driver.destroy(second.serverId);
  });

  test("takes a NIC in and lets it go, and goes on where it was suspended", async () => {
    const kernel = { kernelPath: guest.kernel, ramdiskPath: guest.ramdisk, commandLine: guestCommandLine };
    const { serverId, shell } = await boot({ kernel });
    const nic = await userNic(2);

    await driver.attachNic(serverId, nic);
    await eventually("has its address", () => shell("ip -o -4 addr show dev eth1 | grep 10.9.2.17"));
    await driver.detachNic(serverId, nic.portId);
    await assert.rejects(shell("ip link show dev eth1"));

    await shell("echo in memory >/tmp/note");
    await driver.suspend(serverId, true);
    assert.equal((await driver.info(serverId))?.power, "suspended");
    await newDriver();
    await driver.suspend(serverId, false);
    assert.equal(await shell("cat /tmp/note"), "in memory\n");
    await driver.destroy(serverId);
  });
});

function aSpec(): DomainSpec {
  return {
    serverId: platform.random.uuid(),
    name: "alpha",
    vcpus: 1,
    memoryMb: 128,
    rootGb: 0,
    ephemeralGb: 0,
    swapMb: 0,
    image: null,
    kernel: null,
    architecture: "x86_64",
    nics: [],
    volumes: [],
    configDrive: null,
  };
}

async function aVolume(folder: string): Promise<PathDisk> {
  const path = join(folder, "volume");
  await writeFile(path, "");
  await truncate(path, 32 * mebibyte);
  return { volumeId: platform.random.uuid(), path, format: "raw", device: null, bootIndex: null };
}

async function userNic(network: number): Promise<Nic> {
  const plug = {
    kind: "user" as const,
    sshPort: await freePort(),
    cidr: `10.9.${network}.0/24`,
    address: `10.9.${network}.17`,
  };
  const portId: Uuid = platform.random.uuid();
  return { portId, macAddress: `52:54:00:00:09:0${network}`, mtu: 1500, plug };
}

function sshPort({ plug }: Nic): number {
  assert.equal(plug.kind, "user");
  return plug.sshPort;
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function ssh(key: string, port: number, command: string): Promise<string> {
  const options = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "BatchMode=yes",
  ];
  const args = [...options.flatMap((option) => ["-o", option]), "-o", "ConnectTimeout=5", "-i", key];
  const target = ["-p", String(port), "cirros@127.0.0.1", command];
  return (await run("ssh", [...args, ...target], { timeoutMs: 20_000 })).stdout;
}

async function eventually(what: string, attempt: () => Promise<unknown>): Promise<void> {
  const until = platform.clock.monotonic() + bootMsMax;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (platform.clock.monotonic() > until) throw new Error(`the guest never ${what}`, { cause: error });
      await platform.clock.sleep(pollMs);
    }
  }
}

async function whatIsMissing(): Promise<string | false> {
  for (const [program, option] of [
    ["qemu-system-x86_64", "-version"],
    ["ssh", "-V"],
    ["apt-get", "--version"],
    ["genisoimage", "-version"],
  ] as const) {
    const found = await run(program, [option]).then(
      () => true,
      () => false,
    );
    if (!found) return `${program} is not installed`;
  }
  return false;
}
