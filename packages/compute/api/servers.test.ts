import assert from "node:assert/strict";
import { test } from "node:test";
import { testCloud } from "../testing.ts";

test("a server is booted, shown and deleted, and nothing of it is left", async () => {
  const cloud = await testCloud();

  const id = await cloud.boot({ metadata: { role: "web" } });
  const server = await cloud.reaches(id, "ACTIVE");

  assert.equal(server["name"], "web");
  assert.equal(server["OS-EXT-STS:power_state"], 1);
  assert.deepEqual(server["metadata"], { role: "web" });
  await cloud.assertInvariants();

  const { status } = await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  assert.equal(status, 204);
  await cloud.gone(id);
  await cloud.assertInvariants();
  for (const driver of cloud.drivers.values()) assert.deepEqual(await driver.list(), []);
  await cloud.stop();
});
