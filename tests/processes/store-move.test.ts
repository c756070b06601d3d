// A cloud that has outgrown SQLite moves to PostgreSQL: nothing is lost, and nothing is half there.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { Client, Json } from "@micronova/client";
import { demoWork, nothingYet, smallImage } from "../support/demo-work.ts";
import { eventually, micronova, type RunningCloud, startCloud } from "../support/running-cloud.ts";
import { postgresMissing, startPostgres } from "../support/running-postgres.ts";

const move = (cloud: RunningCloud, url: string) =>
  micronova(["store", "move", "--to", url, "--format", "json", "--data-dir", cloud.dataDir]);

test("a cloud's tables move to PostgreSQL, and it goes on there", { skip: postgresMissing }, async () => {
  const postgres = await startPostgres({ syncs: false });
  const cloud = await startCloud({ virt: "fake", config: "[store]\n" });
  try {
    const client = await cloud.client();
    await smallImage(client);
    await demoWork(client, "before", nothingYet());
    const before = await keptVolume(client);
    const url = await postgres.database("cloud");

    const running = await move(cloud, url);
    assert.equal(running.status, 1);
    assert.match(running.stderr, /A cloud already runs on/);

    await micronova(["down", "--data-dir", cloud.dataDir]);
    const moved = await move(cloud, url);
    assert.equal(moved.status, 0, moved.stderr);
    const tables: readonly { table: string; rows: number; checksum: string }[] = JSON.parse(moved.stdout);
    assert.equal(tables.find(({ table }) => table === "volumes")?.rows, 1);
    assert.ok(tables.every(({ checksum }) => /^[0-9a-f]{64}$/.test(checksum)));

    const again = await move(cloud, url);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /is not empty/);

    writeFileSync(`${cloud.dataDir}.toml`, `[store]\nurl = "${url}"\n`);
    await cloud.up();
    const there = await cloud.client();
    assert.deepEqual((await there.call("volumev3", `/volumes/${before.id}`)).volume, before);
    await demoWork(there, "after", nothingYet());
  } finally {
    await cloud.destroy();
    await postgres.destroy();
  }
});

/** One that stays, when there is no other any more. */
async function keptVolume(client: Client): Promise<Json> {
  const body = { volume: { name: "kept", size: 1 } };
  const { volume } = await client.call("volumev3", "/volumes", { method: "POST", body });
  const { volumes } = await eventually(
    () => client.call("volumev3", "/volumes/detail"),
    ({ volumes: all }) => all.length === 1 && all[0].status === "available",
  );
  assert.equal(volumes[0].id, volume.id);
  return volumes[0];
}

test("what cannot be moved is told so, and nothing is kept", { skip: postgresMissing }, async () => {
  const wrong = await micronova(["store", "move", "--to", "mysql://x/y", "--data-dir", "/nowhere"]);
  assert.match(wrong.stderr, /is no URL like postgres:/);
  const nothing = await micronova(["store", "move", "--to", "postgres://x/y", "--data-dir", "/nowhere"]);
  assert.match(nothing.stderr, /There is no cloud.db/);
});
