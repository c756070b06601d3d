// One process at a time, by a lock file that names its holder; a holder that died does not hold.
import { watch } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemClock, systemRandom } from "@micronova/kit";
import { guestErrors } from "./errors.ts";

const pollMs = 200;
// Longer than the slowest download that is allowed.
const waitMsMax = 30 * 60_000;

/** Runs `work` while no other process does. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mine = `${path}.${process.pid}.${systemRandom.uuid()}`;
  await writeFile(mine, String(process.pid));
  try {
    await take(path, mine);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function take(path: string, mine: string): Promise<void> {
  const until = systemClock.monotonic() + waitMsMax;
  // The clock's sleepers do not keep a process alive; who waits for the image must not end.
  const alive = watch(dirname(path));
  try {
    while (!(await linked(mine, path))) {
      if (systemClock.monotonic() > until) throw guestErrors.lockTimedOut(path);
      if (await isAbandoned(path)) await rm(path, { force: true });
      else await systemClock.sleep(pollMs);
    }
  } finally {
    alive.close();
  }
}

/** Making a link is atomic, and the linked file already names its holder. */
async function linked(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const holder = await readFile(path, "utf8").catch(() => "");
  if (holder === "") return false;
  try {
    process.kill(Number(holder), 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error ? String(error.code) : null;
}
