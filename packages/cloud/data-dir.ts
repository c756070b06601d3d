// The data directory of a cloud: its layout, its format's version, its secrets and its lock.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isFault, type Random } from "@micronova/kit";
import { type FileLock, isLockedFile, lockFile } from "@micronova/store";
import { errors } from "./errors.ts";

/** The layout's version: raised when files move. The tables have migrations of their own. */
const format = 1;

/** Made at the first start, never shipped. */
export interface Secrets {
  readonly adminPassword: string;
  readonly demoPassword: string;
  /** Names the cloud on this machine: in its interfaces, tables of rules and volume group. */
  readonly cloudId: string;
}

export interface DataDir {
  readonly path: string;
  readonly isNew: boolean;
  /**
   * This machine's name in the cloud: what it was called at the first start. A machine that is renamed keeps
   * it, since servers, volumes and queues are on the host of that name.
   */
  readonly hostName: string;
  readonly secrets: Secrets;
  /** A path inside it. */
  file(...parts: string[]): string;
  /** Gives the lock back. */
  release(): void;
}

/**
 * Opens or makes the directory and takes its lock. Throws `errors` when it is unusable, in use, or too new.
 */
export function openDataDir(path: string, random: Random): DataDir {
  makeDirs(path);
  checkFormat(path);
  const lock = takeLock(path);
  const release = () => {
    rmSync(pidPath(path), { force: true });
    lock.release();
  };
  try {
    const file = (...parts: readonly string[]) => join(path, ...parts);
    return { path, ...loadSecrets(path, random), hostName: loadHostName(path), file, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The process that holds the directory, if one runs. */
export function runningPid(path: string): number | null {
  return isLockedFile(lockPath(path)) ? writtenPid(path) : null;
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  try {
    writeFileSync(`${path}.new`, text, { mode });
    renameSync(`${path}.new`, path);
  } catch (error) {
    rmSync(`${path}.new`, { force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw errors.diskFull(path);
    throw error;
  }
}

const pidPath = (path: string) => join(path, "run", "cloud.pid");
// A lock of the kernel's ends with its process; a file with a pid in it outlives a kill, and the pid is given
// anew.
const lockPath = (path: string) => join(path, "run", "lock");

function makeDirs(path: string): void {
  try {
    for (const dir of ["", "run", "log"]) mkdirSync(join(path, dir), { recursive: true, mode: 0o700 });
    writeFileSync(join(path, "run", ".writable"), "");
    rmSync(join(path, "run", ".writable"));
  } catch (error) {
    throw errors.dirUnusable(path, (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function checkFormat(path: string): void {
  const found = readOrNull(join(path, "format"));
  if (found === null) writeWhole(join(path, "format"), `${format}\n`);
  else if (Number(found) > format) throw errors.newerData(path, Number(found), format);
}

function takeLock(path: string): FileLock {
  const lock = lockFile(lockPath(path));
  if (lock === null) throw errors.alreadyRunning(path, writtenPid(path));
  rmSync(pidPath(path), { force: true });
  try {
    // For people and for `down`; that somebody runs is what the lock says.
    writeWhole(pidPath(path), `${process.pid}\n`);
  } catch (error) {
    // Destroying the cloud makes room and needs none; starting it says the same a moment later.
    if (!isFault(error, errors.diskFull)) throw error;
  }
  return lock;
}

function writtenPid(path: string): number | null {
  const pid = Number(readOrNull(pidPath(path)));
  return Number.isInteger(pid) && pid > 0 ? pid : null;
}

function loadSecrets(path: string, random: Random): { secrets: Secrets; isNew: boolean } {
  const file = join(path, "secrets.json");
  const text = readOrNull(file);
  if (text !== null) return { secrets: parseSecrets(file, text), isNew: false };
  const secret = () => Buffer.from(random.bytes(18)).toString("base64url");
  const cloudId = Buffer.from(random.bytes(4)).toString("hex");
  const secrets: Secrets = { adminPassword: secret(), demoPassword: secret(), cloudId };
  writeWhole(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return { secrets, isNew: true };
}

function loadHostName(path: string): string {
  const file = join(path, "host-name");
  const known = readOrNull(file)?.trim();
  if (known !== undefined && known !== "") return known;
  writeWhole(file, `${hostname()}\n`);
  return hostname();
}

function parseSecrets(file: string, text: string): Secrets {
  try {
    const { adminPassword, demoPassword, cloudId } = JSON.parse(text);
    if ([adminPassword, demoPassword, cloudId].every((value) => typeof value === "string")) {
      return { adminPassword, demoPassword, cloudId };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw errors.brokenSecrets(file);
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw error;
  }
}
