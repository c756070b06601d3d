// kill -9 of the whole cloud with real guests and real volumes, in the middle of a boot and of an attachment,
// and where fault rules say: the operation ends, guests that ran go on undisturbed, and nothing is left on
// the machine after the deletes.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Client } from "@micronova/client";
import { runningPid } from "@micronova/cloud";
import { buildGuestImage } from "@micronova/guest";
import { seededRandom, silentLog } from "@micronova/kit";
import { attach, detach, sshTarget, uploadImage } from "../../packages/cli/demo/cloud-calls.ts";
import {
  type GuestShell,
  guestShell,
  type KeyPair,
  makeKeyPair,
} from "../../packages/cli/demo/guest-shell.ts";
import {
  bootServer,
  deleteEverything,
  leftovers,
  quiet,
  serverIs,
  settleMs,
  soundTables,
  volumeIs,
} from "../support/demo-work.ts";
import { cloudIdOf, guestPid, hostThings, noThings } from "../support/host-things.ts";
import { eventually, type RunningCloud, root, startCloud } from "../support/running-cloud.ts";

const seed = Number(process.env["KILL_SEED"] ?? 20261123);
const random = seededRandom(seed);
const keyName = "kill";
const bootId = "cat /proc/sys/kernel/random/boot_id";

describe(`a cloud of real guests survives kill -9 (KILL_SEED=${seed})`, { skip: whatIsMissing() }, () => {
  let cloud: RunningCloud;
  let key: KeyPair;
  let imageId: string;
  let stays: {
    readonly id: string;
    readonly shell: GuestShell;
    readonly pid: number;
    readonly bootId: string;
  };
  let bootMs: number;

  before(async () => {
    const cacheDir = join(root, "node_modules", ".cache", "micronova-guest");
    const guest = await buildGuestImage({ cacheDir, log: silentLog });
    key = await makeKeyPair();
    cloud = await startCloud({ virt: "qemu", faultSeed: String(seed) });
    const client = await cloud.client();
    imageId = await uploadImage(client, "tiny", guest.disk, "qcow2");
    const keypair = { name: keyName, public_key: key.publicKey };
    await client.call("compute", "/os-keypairs", { method: "POST", body: { keypair } });
    const begun = performance.now();
    const id = await boot(client, "stays");
    await serverIs(client, id, "ACTIVE");
    bootMs = performance.now() - begun;
    const shell = await login(client, id);
    stays = { id, shell, pid: (await guestPid(id)) ?? 0, bootId: await shell.sh(bootId) };
  });
  after(async () => {
    key?.remove();
    if (cloud === undefined) return;
    const cloudId = cloudIdOf(cloud.dataDir);
    await cloud.destroy();
    assert.deepEqual(await hostThings(cloud.dataDir, cloudId), noThings);
  });

  const boot = (client: Client, name: string) =>
    bootServer(client, { name, imageRef: imageId, key_name: keyName });

  async function login(client: Client, id: string): Promise<GuestShell> {
    const shell = guestShell(await sshTarget(client, id), key);
    await shell.ready();
    return shell;
  }

  /**
   * Kills the cloud so long after `work` began, of which only the kill may be the end, and starts it again.
   */
  async function killedDuring(work: Promise<unknown>, afterMs: number): Promise<Client> {
    let isKilled = false;
    const ended = work.then(
      () => null,
      (error: unknown) => (isKilled ? null : error),
    );
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    isKilled = true;
    await cloud.kill();
    assert.equal(await ended, null, "the work failed before the kill");
    assert.equal(await guestPid(stays.id), stays.pid, "the guest ended with the cloud");
    await cloud.up();
    return cloud.client();
  }

  async function staysUndisturbed(): Promise<void> {
    assert.equal(await guestPid(stays.id), stays.pid);
    assert.equal(await stays.shell.sh(bootId), stays.bootId);
  }

  test("in the middle of a boot", async () => {
    const before = await cloud.client();

    const afterMs = random.int(Math.ceil(bootMs));
    const client = await killedDuring(boot(before, "boots"), afterMs);

    const { servers } = await quiet(client);
    await staysUndisturbed();
    for (const { id, status } of servers) {
      if (status === "ACTIVE") await (await login(client, id)).sh("true");
      else assert.equal(await guestPid(id), null, `killed after ${afterMs} ms: ${status} with a guest`);
      if (id !== stays.id) await client.call("compute", `/servers/${id}`, { method: "DELETE" });
    }
    await eventually(
      () => hostThings(cloud.dataDir),
      ({ guests, taps }) => guests.length === 1 && taps.length === 1,
      settleMs,
    );
    await soundTables(cloud);
  });

  test("in the middle of attaching and detaching", async () => {
    const before = await cloud.client();
    const body = { volume: { size: 1 } };
    const { volume } = await before.call("volumev3", "/volumes", { method: "POST", body });
    await volumeIs(before, volume.id, "available");
    const backAndForth = async () => {
      await attach(before, stays.id, volume.id);
      await volumeIs(before, volume.id, "in-use");
      await detach(before, stays.id, volume.id);
      await volumeIs(before, volume.id, "available");
    };
    const begun = performance.now();
    await backAndForth();

    const client = await killedDuring(backAndForth(), random.int(Math.ceil(performance.now() - begun)));

    const { volumes } = await quiet(client);
    await staysUndisturbed();
    const serial = `grep -ls ${volume.id.slice(0, 20)} /sys/block/vd*/serial | wc -l`;
    const told = volumes.map(({ status }) => (status === "in-use" ? 1 : 0));
    assert.deepEqual(told, [Number(await stays.shell.sh(serial))], "the guest has what the API says");
    if (told[0] === 1) await detach(client, stays.id, volume.id);
    await volumeIs(client, volume.id, "available");
    assert.equal(Number(await stays.shell.sh(serial)), 0);
    await soundTables(cloud);
  });

  /** Has the cloud kill itself at this point of what the request leads to, and starts it again. */
  async function killedAt(rule: object, request: (client: Client) => Promise<unknown>): Promise<Client> {
    const before = await cloud.client();
    const rules = [{ ...rule, action: { kind: "kill", moment: "after" } }];
    await before.call("operations", "/faults", { method: "POST", body: { rules } });
    // The answer may be lost with the process.
    await request(before).catch(() => undefined);
    await eventually(
      async () => runningPid(cloud.dataDir),
      (pid) => pid === null,
    );
    await cloud.up();
    const after = await cloud.client();
    await quiet(after);
    await staysUndisturbed();
    return after;
  }

  const done = (method: string) => ({ place: "driver", match: { method } });

  test("right after a driver's part of an attachment, a detachment, a boot and a deletion", async () => {
    const body = { volume: { size: 1 } };
    const { volume } = await (await cloud.client()).call("volumev3", "/volumes", { method: "POST", body });
    await volumeIs(await cloud.client(), volume.id, "available");
    const serial = `grep -ls ${volume.id.slice(0, 20)} /sys/block/vd*/serial | wc -l`;
    const disks = async () => Number(await stays.shell.sh(serial));

    const exported = await killedAt(done("export"), (at) => attach(at, stays.id, volume.id));
    await volumeIs(exported, volume.id, "in-use");
    assert.equal(await disks(), 1);
    await detach(exported, stays.id, volume.id);
    await volumeIs(exported, volume.id, "available");
    const attached = await killedAt(done("attachVolume"), (at) => attach(at, stays.id, volume.id));
    await volumeIs(attached, volume.id, "in-use");
    assert.equal(await disks(), 1);
    const detached = await killedAt(done("detachVolume"), (at) => detach(at, stays.id, volume.id));
    await volumeIs(detached, volume.id, "available");
    assert.equal(await disks(), 0);
    const booted = await killedAt(done("spawn"), (at) => boot(at, "spawned"));
    const { servers } = await booted.call("compute", "/servers");
    const [other] = servers.filter(({ id }: { id: string }) => id !== stays.id);
    await serverIs(booted, other.id, "ACTIVE");
    assert.notEqual(await guestPid(other.id), null);
    const remove = (at: Client) => at.call("compute", `/servers/${other.id}`, { method: "DELETE" });
    const deleted = await killedAt(done("destroy"), remove);

    assert.equal(await guestPid(other.id), null);
    assert.deepEqual(
      (await deleted.call("compute", "/servers")).servers.map(({ id }: { id: string }) => id),
      [stays.id],
    );
    await soundTables(cloud);
  });

  test("nothing is left after the deletes", async () => {
    const client = await cloud.client();

    await deleteEverything(client);

    await eventually(
      () => hostThings(cloud.dataDir),
      // The volume group's own device stays with the cloud.
      (now) =>
        now.guests.length + now.taps.length + now.logicalVolumes.length === 0 && now.loops.length === 1,
      settleMs,
    );
    await soundTables(cloud);
    await eventually(
      () => leftovers(client),
      (left) => left.length === 0,
      settleMs,
    );
  });
});

function whatIsMissing(): string | false {
  if (process.getuid?.() !== 0) return "only root has bridges and volume groups";
  const programs = ["qemu-system-x86_64", "lvcreate", "nft", "dnsmasq", "ssh", "mke2fs", "apt-get"];
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return missing.length === 0 ? false : `not installed: ${missing.join(", ")}`;
}
