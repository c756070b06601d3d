// QEMU as a process: started detached, so that it outlives the worker, and found again by its pid file and
// its command line, which names the server.
import { spawn } from "node:child_process";
import { open, readdir, readFile, rm } from "node:fs/promises";
import { type Clock, isFault, type Millis, type Uuid } from "@micronova/kit";
import { driverErrors } from "../errors.ts";
import { nullWhenAbsent } from "../files.ts";
import type { DomainFiles } from "./domain.ts";
import { connectQmp, type Qmp } from "./qmp.ts";

export const qemuProgram = "qemu-system-x86_64";

// Opening disks on a loaded host; guests' processors start right after.
const startTimeoutMs = 60_000;
const endMs = 1_000;
const quitMs = 5_000;
const killedMs = 10_000;
const pollMs = 20;
const listenPollMs = 5;
// Enough for QEMU's own sentence; a fault's message is stored and shown.
const saidCharsMax = 500;

/**
 * Returns when the guest runs; what QEMU says when it does not is in the fault. QEMU's own way into the
 * background needs the right to make processes, which its sandbox takes away, so the detaching is done here.
 */
export async function startQemu(
  clock: Clock,
  serverId: Uuid,
  files: DomainFiles,
  args: readonly string[],
): Promise<void> {
  const log = await open(files.qemuLog, "w", 0o600);
  const ended = new AbortController();
  try {
    const output = ["ignore", log.fd, log.fd] as const;
    const child = spawn(qemuProgram, args, { detached: true, stdio: [...output], cwd: files.folder });
    child.once("exit", () => ended.abort(driverErrors.startFailed(serverId, "")));
    child.once("error", () => ended.abort(driverErrors.qemuMissing(qemuProgram)));
    child.unref();
    await answers(clock, files.qmpSocket, ended.signal);
  } catch (error) {
    if (!isFault(error, driverErrors.startFailed)) throw error;
    throw driverErrors.startFailed(serverId, await said(files.qemuLog));
  } finally {
    await log.close();
  }
}

/** QEMU listens early and answers once everything is open and its processors run. */
async function answers(clock: Clock, socket: string, ended: AbortSignal): Promise<void> {
  const until = clock.monotonic() + startTimeoutMs;
  for (;;) {
    ended.throwIfAborted();
    try {
      const qmp = await connectQmp(clock, socket);
      qmp.close();
      return;
    } catch (error) {
      if (!isNotListening(error) || clock.monotonic() > until) {
        // A QEMU that fails closes its sockets first and ends then; why it ended says more.
        await clock.sleep(endMs, ended).catch(() => undefined);
        ended.throwIfAborted();
        throw error;
      }
    }
    await clock.sleep(listenPollMs);
  }
}

/** The socket is not there yet, or one of an earlier process is. */
function isNotListening(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ECONNREFUSED")
  );
}

/** The process of a server, or null when it does not run. */
export async function findQemu(serverId: Uuid, files: DomainFiles): Promise<number | null> {
  const text = await readFile(files.pidFile, "utf8").catch(nullWhenAbsent);
  const pid = Number(text?.trim());
  return text !== null && (await isQemuOf(pid, serverId)) ? pid : null;
}

/** Whether an earlier call started the guest, or is about to: then this waits until it is up. */
export async function isStarted(clock: Clock, serverId: Uuid, files: DomainFiles): Promise<boolean> {
  while ((await searchQemu(serverId)) !== null) {
    if ((await findQemu(serverId, files)) !== null) return true;
    await clock.sleep(pollMs);
  }
  return false;
}

/** Looks at every process: a worker may have been killed before QEMU wrote its pid file. */
async function searchQemu(serverId: Uuid): Promise<number | null> {
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (Number.isInteger(pid) && (await isQemuOf(pid, serverId))) return pid;
  }
  return null;
}

/** Ends the process, by request and then by force, and waits until it is gone. */
export async function stopQemu(clock: Clock, serverId: Uuid, files: DomainFiles): Promise<void> {
  const pid = (await findQemu(serverId, files)) ?? (await searchQemu(serverId));
  if (pid === null) return;
  // A QEMU that hangs does not answer; then the signal follows.
  await withQmp(clock, files.qmpSocket, (qmp) => qmp.execute("quit")).catch(() => undefined);
  if (!(await isGone(clock, serverId, pid, quitMs))) {
    process.kill(pid, "SIGKILL");
    await isGone(clock, serverId, pid, killedMs);
  }
  await rm(files.pidFile, { force: true });
}

/** Waits for the process to end by itself. */
export async function isGone(clock: Clock, serverId: Uuid, pid: number, ms: Millis): Promise<boolean> {
  const until = clock.monotonic() + ms;
  while (await isQemuOf(pid, serverId)) {
    if (clock.monotonic() > until) return false;
    await clock.sleep(pollMs);
  }
  return true;
}

export async function withQmp<T>(clock: Clock, socket: string, work: (qmp: Qmp) => Promise<T>): Promise<T> {
  const qmp = await connectQmp(clock, socket);
  try {
    return await work(qmp);
  } finally {
    qmp.close();
  }
}

/** A process that has ended but was not yet collected has an empty command line. */
async function isQemuOf(pid: number, serverId: Uuid): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes(`guest=${serverId},`) && commandLine.includes("-pidfile");
}

/** The last of what QEMU said, without its name in front. */
async function said(path: string): Promise<string> {
  const text = (await readFile(path, "utf8")).replaceAll(`${qemuProgram}: `, "").trim();
  return text === "" ? "it ended without a word" : text.slice(-saidCharsMax);
}
