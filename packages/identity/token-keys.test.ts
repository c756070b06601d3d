import assert from "node:assert/strict";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import { demoScope, testIdentity } from "./testing.ts";
import { readKeys } from "./token-keys.ts";

test("the key file is made once and belongs to its owner alone", () => {
  const path = join(mkdtempSync(join(tmpdir(), "keys-")), "tokens.json");

  const first = readKeys(path, testPlatform(1));
  const second = readKeys(path, testPlatform(2));

  assert.deepEqual(second, first);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("a new key signs, and tokens of the two before it stay valid", async () => {
  const cloud = await testIdentity();
  const oldest = await cloud.tokenOf("demo", "pear", demoScope);
  cloud.tokens.rotate();
  const newer = await cloud.tokenOf("demo", "pear", demoScope);

  cloud.tokens.rotate();
  assert.notEqual(await cloud.tokens.authenticate(oldest), null);
  cloud.tokens.rotate();

  assert.equal(await cloud.tokens.authenticate(oldest), null);
  assert.notEqual(await cloud.tokens.authenticate(newer), null);
});

test("a damaged key file is told with its name and the way out", () => {
  const path = join(mkdtempSync(join(tmpdir(), "keys-")), "tokens.json");
  writeFileSync(path, "{");

  assert.throws(() => readKeys(path, testPlatform()), /tokens\.json cannot be used: .*Remove the file/);
});
