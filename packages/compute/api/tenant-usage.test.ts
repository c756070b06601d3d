import assert from "node:assert/strict";
import { test } from "node:test";
import { testCloud } from "../testing.ts";

const hourMs = 3_600_000;

interface Usage {
  readonly total_hours: number;
  readonly total_vcpus_usage: number;
  readonly server_usages?: readonly { readonly name: string; readonly state: string }[];
}

test("a project's usage counts its servers' hours, also of those that are gone", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot({ name: "short" });
  await cloud.reaches(id, "ACTIVE");
  await cloud.platform.clock.advance(hourMs);
  await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  await cloud.gone(id);
  const start = new Date(cloud.platform.clock.now() - 2 * hourMs).toISOString().slice(0, 19);
  const project = "2".repeat(32);
  const show = async (query: string, token = "member") =>
    cloud.ask({ path: `/os-simple-tenant-usage/${project}${query}`, token });

  const { body, status } = await show(`?start=${start}`);
  const all = await cloud.ask({ path: `/os-simple-tenant-usage?start=${start}`, token: "admin" });

  assert.equal(status, 200);
  const { tenant_usage: usage } = body as { tenant_usage: Usage };
  assert.ok(Math.abs(usage.total_hours - 1) < 0.1, `${usage.total_hours} hours`);
  assert.deepEqual(
    usage.server_usages?.map(({ name, state }) => [name, state]),
    [["short", "terminated"]],
  );
  assert.equal((all.body as { tenant_usages: Usage[] }).tenant_usages[0]?.total_hours, usage.total_hours);
  assert.equal((await show("?start=yesterday")).status, 400);
  assert.equal((await show("?start=2030-01-01T00:00:00&end=2029-01-01T00:00:00")).status, 400);
  assert.deepEqual((await show("?end=2001-01-01T00:00:00&start=2000-01-01T00:00:00")).body, {
    tenant_usage: {},
  });
  assert.equal((await cloud.ask({ path: "/os-simple-tenant-usage" })).status, 403);
  await cloud.stop();
});
