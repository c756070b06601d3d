// A volume of one host, used by a real guest on another: what it writes over NBD with TLS, while the daemon
// and the worker that serve it are killed, is there when a guest on the volume's own host opens it by path.
import assert from "node:assert/strict";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run, systemRandom } from "@micronova/kit";
import { makeKeyPair } from "../../packages/cli/demo/guest-shell.ts";
import { whyNoLinuxHost } from "../../packages/network/drivers/linux/testing.ts";
import { lvmUnavailable } from "../../packages/volume/drivers/lvm/probe.ts";
import { exportDaemons } from "../support/export-daemons.ts";
import {
  bootOn,
  type Guest,
  hostsCloud,
  inside,
  prepareGuests,
  type StartedCloud,
  startOn,
  untilUp,
} from "../support/guests-on-hosts.ts";
import { type Host, hostsInNamespaces, on } from "../support/hosts-in-namespaces.ts";
import { eventually, main, program } from "../support/running-cloud.ts";
import type { RoleCloud } from "../support/running-roles.ts";

const disk = "$(ls -d /sys/block/vd[b-z] | tail -n 1 | xargs basename)";

test("a guest writes to a volume of another host, and one on the volume's host reads it", {
  skip: whyNoLinuxHost() ?? (await lvmUnavailable()) ?? false,
  timeout: 500_000,
}, async () => {
  await using machines = await hostsInNamespaces("h1", "h2");
  const [h1, h2] = machines.hosts as readonly [Host, Host];
  const busPassword = systemRandom.uuid();
  const cloud = await hostsCloud(machines, busPassword, [
    "[volume]",
    'export_address = "auto"',
    "size_gb = 4",
  ]);
  const key = await makeKeyPair();
  try {
    const started = await startOn(cloud, machines, busPassword, { h1: "volume" });
    const { openstack, client } = started;
    await certify(cloud, [h1, h2]);
    await prepareGuests(client, key);
    await openstack("volume", "create", "--size", "1", "data");
    await eventually(
      () => openstack("volume", "show", "data", "-f", "value", "-c", "status"),
      (status) => status === "available",
    );

    const far = await bootOn(started, h2, { name: "far", key });
    await attach(started, "far");
    assert.deepEqual(await exportsOf(cloud), ["h2"]);
    await inside(far, `sudo mke2fs -q -t ext4 /dev/${disk} && sudo mount /dev/${disk} /mnt`);
    await write(far, "first");
    const [daemon] = await exportDaemons(cloud.dir);
    process.kill(daemon!.pid, "SIGKILL");
    await write(far, "while its export was gone");
    const worker = cloud.processes.find(({ host }) => host === "h1")!;
    await worker.end("SIGKILL");
    await write(far, "while its worker was gone");
    worker.start();
    await worker.ready();
    // A guest that starts with it opens it before it has given up its rights.
    await openstack("server", "reboot", "--hard", "--wait", "far");
    await untilUp(far);
    await inside(far, `sudo mount /dev/${disk} /mnt`);
    await write(far, "after a start");
    await inside(far, "sudo umount /mnt");
    await detach(started, "far");
    assert.deepEqual(await exportsOf(cloud), []);

    const near = await bootOn(started, h1, { name: "near", key });
    await attach(started, "near");
    assert.deepEqual(await exportsOf(cloud), []);
    await inside(near, `sudo mount /dev/${disk} /mnt`);
    const lines = (await inside(near, "cat /mnt/note")).trim().split("\n");
    assert.deepEqual(lines, [
      "first",
      "while its export was gone",
      "while its worker was gone",
      "after a start",
    ]);
    await openstack("server", "delete", "--wait", "near", "far");
    await openstack("volume", "delete", "data");
  } finally {
    key.remove();
    await destroy(cloud, h1);
    await cloud.stop();
  }
});

/** As the guide tells: the controller makes the certificates, each host gets its own. */
async function certify(cloud: RoleCloud, hosts: readonly Host[]): Promise<void> {
  const controller = join(cloud.dir, "c1");
  for (const { name } of hosts) {
    const made = await program(process.execPath, [main, "certificate", name, "--data-dir", controller]);
    assert.equal(made.status, 0, made.stderr);
    const tls = join(cloud.dir, name, "tls");
    await mkdir(tls, { recursive: true, mode: 0o700 });
    await rename(join(controller, "tls", "hosts", name), join(tls, "host"));
  }
}

async function attach({ openstack }: StartedCloud, server: string): Promise<void> {
  await openstack("server", "add", "volume", server, "data");
  await eventually(
    () => openstack("volume", "show", "data", "-f", "value", "-c", "status"),
    (status) => status === "in-use",
  );
}

async function detach({ openstack }: StartedCloud, server: string): Promise<void> {
  await openstack("server", "remove", "volume", server, "data");
  await eventually(
    () => openstack("volume", "show", "data", "-f", "value", "-c", "status"),
    (status) => status === "available",
  );
}

async function write(guest: Guest, line: string): Promise<void> {
  await inside(guest, `echo '${line}' | sudo tee -a /mnt/note >/dev/null; sync`);
}

/** The hosts that are let in. */
async function exportsOf(cloud: RoleCloud): Promise<readonly (string | null)[]> {
  return (await exportDaemons(cloud.dir)).map(({ initiator }) => initiator);
}

/** Its volume group lies on a loop device, which outlives namespaces. */
async function destroy(cloud: RoleCloud, host: Host): Promise<void> {
  const worker = cloud.processes.find((one) => one.host === host.name);
  if (worker === undefined) return;
  await worker.end("SIGKILL");
  const command = [process.execPath, main, "down", "--data-dir", worker.dataDir, "--destroy", "--yes"];
  await run(...on(host, ...command), { timeoutMs: 120_000 });
}
