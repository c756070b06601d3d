import assert from "node:assert/strict";
import { test } from "node:test";
import { testContext } from "@micronova/http/testing";
import { testResources } from "./api/testing-resources.ts";
import { checkServerQuota, limitsOf, setDefaultLimits, setQuotas } from "./quotas.ts";

const context = testContext();
const owner = { projectId: context.projectId!, userId: null };

test("as many servers of a request as fit are granted", async () => {
  const { store } = await testResources();
  const wanted = { min: 1, max: 50, ram: 1024 };

  const byCount = await checkServerQuota(store.read, context, { ...wanted, cores: 1 });
  const byCores = await checkServerQuota(store.read, context, { ...wanted, cores: 8 });

  assert.deepEqual([byCount, byCores], [10, 2]);
});

test("a request that cannot have its least is refused with every resource it is over", async () => {
  const { store } = await testResources();

  await assert.rejects(checkServerQuota(store.read, context, { min: 11, max: 11, cores: 2, ram: 1 }), {
    message:
      "Quota exceeded for cores, instances: Requested 22, 11, but already used 0, 0 of 20, 10 cores, instances",
  });
});

test("a user's limit comes before the project's, and that before the default", async () => {
  const { store } = await testResources();
  await store.transaction(async (tx) => {
    await setDefaultLimits(tx, { cores: 1, ram: 1, instances: 1 });
    await setQuotas(tx, owner, { cores: 2, ram: 2 }, { force: false });
    await setQuotas(tx, { ...owner, userId: "u" }, { cores: 3 }, { force: false });
  });

  const { cores, ram, instances } = await limitsOf(store.read, { ...owner, userId: "u" });

  assert.deepEqual({ cores, ram, instances }, { cores: 3, ram: 2, instances: 1 });
});

test("without limits nothing is counted, and all is granted", async () => {
  const { store } = await testResources();
  await store.transaction((tx) =>
    setQuotas(tx, owner, { cores: -1, ram: -1, instances: -1 }, { force: false }),
  );

  assert.equal(await checkServerQuota(store.read, context, { min: 1, max: 500, cores: 64, ram: 1 }), 500);
});
