// A disk without room under a running cloud: what needs room is refused with a sentence, what does not goes
// on, and with room again the cloud is as good as before.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Client } from "@micronova/client";
import { run } from "@micronova/kit";
import {
  bootServer,
  deleteEverything,
  leftovers,
  quiet,
  serverIs,
  settleMs,
  smallImage,
  soundTables,
} from "../support/demo-work.ts";
import { eventually, micronova, type RunningCloud, startCloud } from "../support/running-cloud.ts";

const sizeMb = 24;
const skip = process.getuid?.() === 0 ? false : "only root makes a small disk";

describe("a cloud on a full disk", { skip }, () => {
  const disk = mkdtempSync(join(tmpdir(), "micronova-full-"));
  const ballast = join(disk, "ballast");
  let cloud: RunningCloud;
  let client: Client;
  let imageRef: string;

  before(async () => {
    await run("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", disk]);
    cloud = await startCloud({ virt: "fake", fakeHosts: 1, dataDir: join(disk, "cloud") });
    client = await cloud.client();
    imageRef = await smallImage(client);
  });
  after(async () => {
    rmSync(ballast, { force: true });
    await cloud?.destroy();
    await run("umount", [disk]);
    rmSync(disk, { recursive: true });
  });

  const boot = (name: string) => bootServer(client, { name, imageRef });

  /** Takes all the room there is. */
  function fill(): void {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  }

  test("refuses what it cannot write down, reads on, and works again when there is room", async () => {
    const kept = await boot("kept");
    await serverIs(client, kept, "ACTIVE");
    fill();

    const refusals = await refusalsOf(boot);

    for (const { status, message } of refusals) {
      assert.equal(status, 503);
      assert.match(message, /disk .* is full; make room/);
    }
    await serverIs(client, kept, "ACTIVE");

    rmSync(ballast);
    await quiet(client);
    const id = await eventually(
      () => boot("again").catch(() => null),
      (made) => made !== null,
      settleMs,
    );
    await serverIs(client, id ?? "", "ACTIVE");
    const log = readFileSync(join(cloud.dataDir, "log", "cloud.log"), "utf8");
    assert.match(log, /"lost":\d+,"msg":"lines could not be written here"/);
    await soundTables(cloud);
    await deleteEverything(client);
    await soundTables(cloud);
    assert.deepEqual(await leftovers(client), []);
  });

  test("is refused in one sentence where it has no room to begin, and can be removed", async () => {
    fill();
    const dataDir = join(disk, "late");

    const { status, stderr } = await micronova([
      "up",
      "--virt",
      "fake",
      "--port",
      "0",
      "--data-dir",
      dataDir,
    ]);
    assert.equal(status, 1);
    assert.match(stderr, /^micronova: The disk that holds .* is full; make room and try again\.\n$/);

    const gone = await micronova(["down", "--destroy", "--yes", "--data-dir", dataDir]);
    assert.equal(gone.status, 0, gone.stderr);
    assert.equal(existsSync(dataDir), false);
    rmSync(ballast);
  });

  test("refuses an image that does not fit, and takes it when there is room", async () => {
    const body = { name: "large", disk_format: "raw", container_format: "bare" };
    const image = await client.call("image", "/v2/images", { method: "POST", body });
    const upload = (megabytes: number) =>
      client.call("image", `/v2/images/${image.id}/file`, {
        method: "PUT",
        bytes: new Blob([new Uint8Array(megabytes * 1024 * 1024)]).stream(),
        headers: { "content-type": "application/octet-stream" },
      });

    const refusal = { status: 413, message: /not enough disk space/ };
    await assert.rejects(upload(2 * sizeMb), refusal);

    await upload(1);
    assert.equal((await client.call("image", `/v2/images/${image.id}`)).status, "active");
    await soundTables(cloud);
  });
});

/** So many that the log has no room for them either. */
const refusalsWanted = 60;

async function refusalsOf(boot: (name: string) => Promise<string>) {
  const refusals: { readonly status: unknown; readonly message: string }[] = [];
  // The database has some room of its own before it is full too.
  for (let n = 0; n < 5 * refusalsWanted && refusals.length < refusalsWanted; n++) {
    try {
      await boot(`filler-${n}`);
    } catch (error) {
      assert.ok(error instanceof Error && "status" in error, String(error));
      refusals.push({ status: error.status, message: error.message });
    }
  }
  assert.equal(refusals.length, refusalsWanted);
  return refusals;
}
