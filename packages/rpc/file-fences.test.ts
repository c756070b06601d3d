// Fences on disk: what a raise promised holds after a crash at any point.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileFences } from "./file-fences.ts";

function aDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "fences-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return join(dir, "of-a-worker");
}

test("what was raised is known after a restart, and never sinks", async (t) => {
  const dir = aDirectory(t);
  const fences = fileFences(dir);
  assert.equal(fences.seen("server:1"), 0);
  await Promise.all([fences.raise("server:1", 3), fences.raise("server:2", 1), fences.raise("server:1", 5)]);
  await fences.raise("server:1", 4);

  // Not closed: as after a crash.
  const after = fileFences(dir);

  assert.deepEqual([after.seen("server:1"), after.seen("server:2"), after.seen("server:3")], [5, 1, 0]);
  await after.raise("server:2", 2);
  await fences.close();
  await after.close();
  const third = fileFences(dir);
  assert.deepEqual([third.seen("server:1"), third.seen("server:2")], [5, 2]);
});

test("a line cut short by a crash is passed over, and what follows is not joined to it", async (t) => {
  const dir = aDirectory(t);
  const fences = fileFences(dir);
  await fences.raise("server:1", 1);
  await fences.close();
  appendFileSync(join(dir, "fences.jsonl"), '["server:2",');

  const after = fileFences(dir);
  await after.raise("server:3", 7);
  await after.close();

  const third = fileFences(dir);
  assert.deepEqual(["server:1", "server:2", "server:3"].map(third.seen, third), [1, 0, 7]);
});

test("the file stays as long as its subjects are many", async (t) => {
  const dir = aDirectory(t);
  const fences = fileFences(dir);

  for (let counter = 1; counter <= 100; counter++) {
    const raises = Array.from({ length: 50 }, (_, at) => fences.raise(`server:${at % 5}`, counter * 50 + at));
    await Promise.all(raises);
  }

  await fences.close();
  const lines = readFileSync(join(dir, "fences.jsonl"), "utf8").split("\n").length;
  assert(lines < 1_200, `${lines} lines`);
  const after = fileFences(dir);
  assert.equal(after.seen("server:4"), 5_049);
});
