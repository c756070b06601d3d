// Locks on real files, held by real processes: what they are for is what the kernel does when one is killed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isLockedFile, lockFile } from "./file-lock.ts";

function inFolder(work: (path: string) => Promise<void>) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "micronova-lock-"));
    await work(join(folder, "lock")).finally(() => rmSync(folder, { recursive: true }));
  };
}

test(
  "one holds the lock at a time, and looking changes nothing",
  inFolder(async (path) => {
    assert.equal(isLockedFile(path), false);
    const lock = lockFile(path);

    assert.equal(isLockedFile(path), true);
    assert.equal(lockFile(path), null);
    assert.equal(statSync(path).size, 0);

    lock?.release();
    assert.equal(isLockedFile(path), false);
    lockFile(path)?.release();
  }),
);

test(
  "a process that is killed holds nothing any more",
  inFolder(async (path) => {
    const module = JSON.stringify(join(import.meta.dirname, "file-lock.ts"));
    const program = `const { lockFile } = await import(${module});
      globalThis.lock = lockFile(${JSON.stringify(path)}); process.send("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(holder, "message");
    assert.equal(isLockedFile(path), true);

    holder.kill("SIGKILL");
    await once(holder, "exit");

    assert.equal(isLockedFile(path), false);
    lockFile(path)?.release();
  }),
);
