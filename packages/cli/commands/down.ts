// `micronova down`: stops the cloud's process, or the processes of its roles that have the directory; with
// --destroy also removes everything the cloud made on this machine.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { destroyCloud, runningPid, runningRoles } from "@micronova/cloud";
import { systemClock } from "@micronova/kit";
import { cliErrors } from "../errors.ts";
import { widenPath } from "../prepare.ts";

export interface DownOptions {
  readonly dataDir: string;
  readonly destroy?: boolean;
  readonly yes?: boolean;
}

export async function down(options: DownOptions): Promise<void> {
  const dataDir = resolve(options.dataDir);
  if (!existsSync(join(dataDir, "run"))) throw cliErrors.noCloud(dataDir);
  if (options.destroy && !options.yes) throw cliErrors.needsYes(dataDir);
  const wasRunning = await stopCloud(dataDir);
  if (options.destroy) await destroyWhole(dataDir);
  else if (!wasRunning) throw cliErrors.notRunning(dataDir);
}

/** Ends the cloud's process, or those of its roles, if any run, and waits until they are gone. */
export async function stopCloud(dataDir: string): Promise<boolean> {
  const all = [runningPid(dataDir), ...runningRoles(dataDir).values()];
  const pids = [...new Set(all.filter((pid) => pid !== null))];
  for (const pid of pids) process.kill(pid, "SIGTERM");
  const until = systemClock.monotonic() + stopTimeoutMs;
  for (const pid of pids) {
    while (isAlive(pid)) {
      if (systemClock.monotonic() > until) throw cliErrors.didNotStop(pid);
      // The process is not our child, so there is no event to wait for.
      await new Promise((resolve) => setTimeout(resolve, stopPollMs));
    }
  }
  return pids.length > 0;
}

/** A process that has ended and was not yet asked how, which is its parent's to do, is gone as well. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it may hold anything, brackets too.
    const state = stat.charAt(stat.lastIndexOf(")") + 2);
    return state !== "Z" && state !== "X";
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH"].includes(String(error.code)))
      return false;
    throw error;
  }
}

/** Removes guests, networks, volumes and the data directory of a stopped cloud. */
export async function destroyWhole(dataDir: string): Promise<void> {
  widenPath();
  await destroyCloud(dataDir);
}

// Longer than the cloud itself gives its running requests.
const stopTimeoutMs = 30_000;
const stopPollMs = 20;
