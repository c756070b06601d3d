// Starting and stopping the cloud's process, and the ways in which a start is refused: one sentence, status
// 1.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import type { Client } from "@micronova/client";
import { smallImage } from "../support/demo-work.ts";
import { eventually, main, micronova, processesOf, startCloud } from "../support/running-cloud.ts";

const aDir = () => mkdtempSync(join(tmpdir(), "micronova-start-"));

/** A start that must be refused with one sentence that matches. */
async function refused(
  args: readonly string[],
  sentence: RegExp,
  env: Readonly<Record<string, string>> = {},
) {
  const { status, stdout, stderr } = await micronova(["up", "--virt", "fake", "--port", "0", ...args], env);
  assert.equal(status, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, sentence);
  assert.equal(stderr.trim().split("\n").length, 1, `one line: ${stderr}`);
}

test("a taken port is refused with what to do", async () => {
  const holder = createServer();
  const port = await new Promise<number>((resolve) =>
    holder.listen(0, "127.0.0.1", () => resolve((holder.address() as { port: number }).port)),
  );
  const dir = aDir();

  await refused(["--data-dir", dir, "--port", String(port)], new RegExp(`${port}.*--port`));

  holder.close();
  rmSync(dir, { recursive: true });
});

test("data of a newer version is refused and left as it is", async () => {
  const dir = aDir();
  writeFileSync(join(dir, "format"), "99\n");

  await refused(["--data-dir", dir], /newer Micronova/);

  assert.equal(readFileSync(join(dir, "format"), "utf8"), "99\n");
  rmSync(dir, { recursive: true });
});

test("QEMU missing is said in one sentence", async () => {
  const dir = aDir();

  await refused(["--data-dir", dir, "--virt", "qemu", "--no-install"], /qemu-system-x86/, {
    PATH: "/nowhere",
  });

  rmSync(dir, { recursive: true });
});

test("another address than loopback needs TLS or a word", async () => {
  const dir = aDir();

  await refused(["--data-dir", dir, "--listen", "0.0.0.0"], /TLS.*--insecure/);

  rmSync(dir, { recursive: true });
});

test("a wrong command line is status 2", async () => {
  assert.equal((await micronova(["up", "--no-such-option"])).status, 2);
  assert.equal((await micronova(["frobnicate"])).status, 2);
  assert.equal((await micronova(["--help"])).status, 0);
});

test("a cloud starts, is seen, is the only one on its directory, and stops", async () => {
  const cloud = await startCloud({ virt: "fake", fakeHosts: 2 });
  try {
    const seen = await micronova(["status", "--data-dir", cloud.dataDir]);
    assert.equal(seen.status, 0, seen.stderr);
    assert.match(seen.stdout, /hosts +2:/);
    await refused(["--data-dir", cloud.dataDir], /already runs/);

    const environment = await micronova(["env", "--data-dir", cloud.dataDir]);
    assert.match(environment.stdout, /^export OS_AUTH_URL='http:\/\/127\.0\.0\.1:\d+\/identity\/v3'$/m);
    for (const secret of ["clouds.yaml", "openrc", "secrets.json"]) {
      assert.equal(statSync(join(cloud.dataDir, secret)).mode & 0o777, 0o600, secret);
    }
    assert.equal(statSync(cloud.dataDir).mode & 0o777, 0o700);

    assert.equal((await micronova(["down", "--data-dir", cloud.dataDir])).status, 0);
    assert.equal((await micronova(["down", "--data-dir", cloud.dataDir])).status, 1);
    assert.equal((await micronova(["status", "--data-dir", cloud.dataDir])).status, 1);
  } finally {
    await cloud.destroy();
  }
});

test("of two starts at once on one directory one runs and the other is refused", async () => {
  const dir = aDir();
  const start = () => micronova(["up", "--detach", "--virt", "fake", "--port", "0", "--data-dir", dir]);

  const both = await Promise.all([start(), start(), start()]);

  try {
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [0, 1, 1]);
    for (const { status, stderr } of both) if (status === 1) assert.match(stderr, /already runs/);
    assert.equal((await micronova(["status", "--data-dir", dir])).status, 0);
  } finally {
    await micronova(["down", "--destroy", "--yes", "--data-dir", dir]);
  }
});

test("a cloud in the foreground is found by its directory, however that was written", async () => {
  const dir = aDir();
  const args = [main, "up", "--virt", "fake", "--port", "0", "--data-dir", basename(dir)];
  const cloud = spawn(process.execPath, args, { cwd: dirname(dir), stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(cloud, "exit");
  await once(cloud.stderr, "data");

  assert.equal((await micronova(["status", "--data-dir", dir])).status, 0);
  assert.equal((await micronova(["down", "--destroy", "--yes", "--data-dir", dir])).status, 0);

  assert.deepEqual(await ended, [0, null]);
});

test("down ends the process in 5 s, and the next up finds the guests again", async () => {
  const cloud = await startCloud({ virt: "fake", fakeHosts: 2, fakeDelayMs: 20 });
  try {
    const before = await cloud.client();
    const { networks } = await before.call("network", "/v2.0/networks?name=private");
    const server = { name: "kept", imageRef: await smallImage(before), flavorRef: "1" };
    const { server: made } = await before.call("compute", "/servers", {
      method: "POST",
      body: { server: { ...server, networks: [{ uuid: networks[0].id }] } },
    });
    const path = `/servers/${made.id}`;
    const show = async (client: Client) => (await client.call("compute", path)).server;
    const wait = (client: Client, status: string) =>
      eventually(
        () => show(client),
        (found) => found.status === status,
      );
    const active = await wait(before, "ACTIVE");

    const begun = performance.now();
    assert.equal((await micronova(["down", "--data-dir", cloud.dataDir])).status, 0);
    assert.ok(performance.now() - begun < 5_000, `down took ${performance.now() - begun} ms`);
    assert.deepEqual(await processesOf(cloud.dataDir), []);
    assert.equal((await micronova(["down", "--data-dir", cloud.dataDir])).status, 1);
    await cloud.up();

    const after = await cloud.client();
    const found = await show(after);
    assert.equal(found["OS-EXT-SRV-ATTR:host"], active["OS-EXT-SRV-ATTR:host"]);
    await after.call("compute", `${path}/action`, { method: "POST", body: { "os-stop": null } });
    await wait(after, "SHUTOFF");
  } finally {
    await cloud.destroy();
  }
});

test("what was committed is there after kill -9, with the same ids and passwords", async () => {
  const cloud = await startCloud({ virt: "fake" });
  try {
    const before = await cloud.client();
    const body = { flavor: { name: "kept", vcpus: 1, ram: 64, disk: 1 } };
    const { flavor } = await before.call("compute", "/flavors", { method: "POST", body });

    await cloud.kill();
    await cloud.up();

    const after = await cloud.client();
    assert.equal(after.projectId, before.projectId);
    assert.equal((await after.call("compute", `/flavors/${flavor.id}`)).flavor.name, "kept");
    // A token of before is as good as a new one.
    assert.equal((await before.call("compute", `/flavors/${flavor.id}`)).flavor.name, "kept");
  } finally {
    await cloud.destroy();
  }
});
