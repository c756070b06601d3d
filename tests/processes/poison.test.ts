// A message that kills the process which holds the broker as well: kept on disk, it must not come for ever.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const worker = fileURLToPath(new URL("../support/poisoned-worker.ts", import.meta.url));
// The first delivery, and as many as are forgiven.
const deathsExpected = 6;

test("a cloud that a message kills is killed a few times, and then goes on", async () => {
  const dir = mkdtempSync(join(tmpdir(), "poison-"));
  const run = () =>
    new Promise<number | NodeJS.Signals | null>((resolve) => {
      const child = spawn(process.execPath, [worker, dir], { stdio: ["ignore", "ignore", "inherit"] });
      child.once("exit", (code, signal) => resolve(code ?? signal));
    });

  let deaths = 0;
  let ending = await run();
  for (; ending === "SIGKILL" && deaths < deathsExpected; ending = await run()) deaths++;

  assert.deepEqual([deaths, ending], [deathsExpected, 0]);
  rmSync(dir, { recursive: true });
});
