import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { testStore } from "@micronova/store/testing";
import { identityMigrations } from "./migrations.ts";
import { demoScope, testIdentity } from "./testing.ts";
import { readKeys } from "./token-keys.ts";
import { tokens } from "./tokens.ts";

test("processes that start at once have the same keys", async () => {
  const store = await testStore(testPlatform(), identityMigrations);

  const [first, second] = await Promise.all([
    readKeys({ store, random: seededRandom(1) }),
    readKeys({ store, random: seededRandom(2) }),
  ]);

  assert.deepEqual(second, first);
});

test("a new key signs, and tokens of the two before it stay valid", async () => {
  const cloud = await testIdentity();
  const oldest = await cloud.tokenOf("demo", "pear", demoScope);
  await cloud.tokens.rotate();
  const newer = await cloud.tokenOf("demo", "pear", demoScope);

  await cloud.tokens.rotate();
  assert.notEqual(await cloud.tokens.authenticate(oldest), null);
  await cloud.tokens.rotate();

  assert.equal(await cloud.tokens.authenticate(oldest), null);
  assert.notEqual(await cloud.tokens.authenticate(newer), null);
});

test("what one process signs with a new key is good at the others at once", async () => {
  const cloud = await testIdentity();
  const other = tokens({ platform: cloud.platform, store: cloud.store });
  assert.notEqual(await other.authenticate(await cloud.tokenOf("demo", "pear", demoScope)), null);

  await cloud.tokens.rotate();
  const token = await cloud.tokenOf("demo", "pear", demoScope);

  assert.notEqual(await other.authenticate(token), null);
});
