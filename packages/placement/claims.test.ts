// Claims: all or nothing, never beyond capacity, repeatable, and returned without a trace.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { Store, Tx } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import fc from "fast-check";
import {
  claim,
  ensureProvider,
  type Inventory,
  placementErrors,
  placementInvariants,
  placementMigrations,
  removeProvider,
  setInventories,
  unclaim,
  usages,
} from "./index.ts";

const whole = (total: number, more: Partial<Inventory> = {}): Inventory => ({
  total,
  reserved: 0,
  min_unit: 1,
  max_unit: total,
  step_size: 1,
  allocation_ratio: 1,
  ...more,
});
const inventories = {
  VCPU: whole(4, { allocation_ratio: 4, max_unit: 4 }),
  MEMORY_MB: whole(8192, { reserved: 512 }),
  DISK_GB: whole(100),
};

async function aStore(providers: readonly string[] = ["p1"]): Promise<Store> {
  const store = await testStore(testPlatform(), placementMigrations);
  await store.transaction(async (tx) => {
    for (const id of providers) {
      await ensureProvider(tx, { id, name: `host-${id}` });
      await setInventories(tx, id, inventories);
    }
  });
  return store;
}

function claimOf(consumerId: string, resources: Record<string, number>, providerId = "p1") {
  return { consumerId, projectId: "project", userId: "user", providerId, resources };
}

async function used(tx: Tx, id = "p1"): Promise<Record<string, number>> {
  const classes = (await usages(tx, [id])).get(id) ?? {};
  return Object.fromEntries(Object.entries(classes).map(([name, usage]) => [name, usage.used]));
}

async function assertInvariants(tx: Tx): Promise<void> {
  for (const { name, find } of placementInvariants) assert.deepEqual(await find(tx), [], name);
}

test("a claim that fits is taken, and given back without a trace", async () => {
  const store = await aStore();
  const resources = { VCPU: 2, MEMORY_MB: 1024, DISK_GB: 0 };

  assert(await store.transaction((tx) => claim(tx, claimOf("s1", resources))));
  assert.deepEqual(await used(store.read), { VCPU: 2, MEMORY_MB: 1024, DISK_GB: 0 });
  await assertInvariants(store.read);
  await store.transaction((tx) => unclaim(tx, "s1"));
  await store.transaction((tx) => unclaim(tx, "s1"));

  assert.deepEqual(await used(store.read), { VCPU: 0, MEMORY_MB: 0, DISK_GB: 0 });
  await assertInvariants(store.read);
});

test("a claim of which one part does not fit takes nothing", async () => {
  const store = await aStore();
  const refused: Record<string, number>[] = [
    { VCPU: 1, MEMORY_MB: 7681 },
    { VCPU: 5 },
    { VCPU: 1, DISK_GB: 101 },
    { VCPU: 1, CUSTOM_GOLD: 1 },
  ];

  for (const resources of refused) {
    const isTaken = await store.transaction((tx) => claim(tx, claimOf("s1", resources)));
    assert.equal(isTaken, false, JSON.stringify(resources));
  }

  assert(await store.transaction((tx) => claim(tx, claimOf("s1", { MEMORY_MB: 7680 }))));
  assert.deepEqual(await used(store.read), { VCPU: 0, MEMORY_MB: 7680, DISK_GB: 0 });
});

test("a claim on a provider that is not there is refused", async () => {
  const store = await aStore();

  assert.equal(await store.transaction((tx) => claim(tx, claimOf("s1", { VCPU: 1 }, "p9"))), false);
});

test("a claim that is repeated counts once", async () => {
  const store = await aStore();

  for (const memory of [4000, 4000, 5000]) {
    assert(await store.transaction((tx) => claim(tx, claimOf("s1", { MEMORY_MB: memory }))));
  }

  assert.equal((await used(store.read))["MEMORY_MB"], 5000);
});

test("of many claims at once exactly as many succeed as fit", async () => {
  const store = await aStore();
  const resources = { VCPU: 1, MEMORY_MB: 1000 };

  const taken = await Promise.all(
    Array.from({ length: 20 }, (_, at) => store.transaction((tx) => claim(tx, claimOf(`s${at}`, resources)))),
  );

  assert.equal(taken.filter(Boolean).length, 7);
  await assertInvariants(store.read);
});

test("units and steps are kept", async () => {
  const store = await aStore();
  await store.transaction((tx) =>
    setInventories(tx, "p1", { DISK_GB: whole(100, { min_unit: 10, max_unit: 50, step_size: 5 }) }),
  );
  const cases = { 5: false, 10: true, 12: false, 50: true, 55: false };

  for (const [amount, expected] of Object.entries(cases)) {
    const taken = await store.transaction((tx) => claim(tx, claimOf("s1", { DISK_GB: Number(amount) })));
    assert.equal(taken, expected, amount);
  }
});

test("inventories that say the same are not written; one in use is not taken away", async () => {
  const store = await aStore();
  const generation = async () =>
    (await store.read.selectFrom("resource_providers").select("generation").executeTakeFirstOrThrow())
      .generation;
  const before = await generation();

  await store.transaction((tx) => setInventories(tx, "p1", inventories));
  assert.equal(await generation(), before);

  await store.transaction((tx) => claim(tx, claimOf("s1", { VCPU: 1 })));
  await store.transaction((tx) => setInventories(tx, "p1", { MEMORY_MB: inventories.MEMORY_MB }));
  assert.deepEqual(await used(store.read), { VCPU: 1, MEMORY_MB: 0 });
});

test("a provider that gives something is not removed", async () => {
  const store = await aStore();
  await store.transaction((tx) => claim(tx, claimOf("s1", { VCPU: 1 })));

  await assert.rejects(
    store.transaction((tx) => removeProvider(tx, "p1")),
    (error) => isFault(error, placementErrors.providerInUse),
  );
  await store.transaction((tx) => unclaim(tx, "s1"));
  await store.transaction((tx) => removeProvider(tx, "p1"));
  await assert.rejects(
    store.transaction((tx) => removeProvider(tx, "p1")),
    (error) => isFault(error, placementErrors.providerNotFound),
  );
});

test("two hosts of one name are told apart by a sentence", async () => {
  const store = await aStore();

  await assert.rejects(
    store.transaction((tx) => ensureProvider(tx, { id: "p2", name: "host-p1" })),
    (error) => isFault(error, placementErrors.providerNameTaken),
  );
});

test("whatever is claimed and returned, the tables agree with a ledger", async () => {
  const step = fc.record({
    consumer: fc.constantFrom("a", "b", "c", "d"),
    provider: fc.constantFrom("p1", "p2"),
    memory: fc.integer({ min: 0, max: 6000 }),
    returns: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const store = await aStore(["p1", "p2"]);
      const ledger = new Map<string, number>();
      const total = (provider: string, except = "") =>
        [...ledger].reduce(
          (sum, [key, memory]) => (key.endsWith(provider) && key !== except ? sum + memory : sum),
          0,
        );
      for (const { consumer, provider, memory, returns } of steps) {
        const key = `${consumer}@${provider}`;
        if (returns) {
          await store.transaction((tx) => unclaim(tx, consumer));
          for (const held of [...ledger.keys()]) if (held.startsWith(`${consumer}@`)) ledger.delete(held);
        } else if (memory > 0) {
          const fits = total(provider, key) + memory <= 7680;
          const wanted = claimOf(consumer, { MEMORY_MB: memory }, provider);
          assert.equal(await store.transaction((tx) => claim(tx, wanted)), fits);
          if (fits) ledger.set(key, memory);
        }
      }
      for (const id of ["p1", "p2"]) assert.equal((await used(store.read, id))["MEMORY_MB"], total(id));
      await assertInvariants(store.read);
      await store.close();
    }),
    { numRuns: 30 },
  );
});
