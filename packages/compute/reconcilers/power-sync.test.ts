// What hosts report of their guests, and what the tables say then.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestCloud, testCloud } from "../testing.ts";

/** What the server's answer says once its last change is no longer recent and its host has reported. */
async function statusOf(cloud: TestCloud, id: string): Promise<unknown> {
  await cloud.platform.clock.advance(20_000);
  await cloud.beat();
  const { body } = await cloud.ask({ path: `/servers/${id}` });
  return (body as { server: { status: string } }).server.status;
}

test("a server is in the state its guest is in, whoever brought that about", async () => {
  const cloud = await testCloud({ hosts: 1 });
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  const driver = cloud.drivers.get("h1")!;

  for (const [change, status] of [
    [() => driver.pause(id, true), "PAUSED"],
    [() => driver.pause(id, false), "ACTIVE"],
    [() => driver.suspend(id, true), "SUSPENDED"],
    [() => driver.power(id, true), "ACTIVE"],
    [() => driver.power(id, false), "SHUTOFF"],
    [() => driver.power(id, true), "ACTIVE"],
  ] as const) {
    await change();

    assert.equal(await statusOf(cloud, id), status);
  }
  await cloud.assertInvariants();
  await cloud.stop();
});

test("a report that may be older than the server's last change is waited with", async () => {
  const cloud = await testCloud({ hosts: 1 });
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");

  await cloud.drivers.get("h1")?.power(id, false);
  await cloud.beat();

  assert.equal((await cloud.reaches(id, "ACTIVE"))["OS-EXT-STS:power_state"], 1);
  assert.equal(await statusOf(cloud, id), "SHUTOFF");
  await cloud.stop();
});

test("what a report undid that came too late is put right within a minute or so", async () => {
  const cloud = await testCloud({ hosts: 1 });
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  await cloud.beat();

  await cloud.store.transaction((tx) =>
    tx.updateTable("servers").set({ vm_state: "paused", power_state: 3 }).where("id", "=", id).execute(),
  );
  for (let beat = 0; beat < 6; beat++) await statusOf(cloud, id);

  assert.equal(await statusOf(cloud, id), "ACTIVE");
  await cloud.stop();
});
