// The data directory of a cloud: its layout, its format's version, its secrets and its lock.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "@micronova/kit";
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
  readonly secrets: Secrets;
  /** A path inside it. */
  file(...parts: string[]): string;
  /** Gives the lock back. */
  release(): void;
}

/** Opens or makes the directory and takes its lock. Throws `errors` when it is unusable, in use, or too new. */
export function openDataDir(path: string, random: Random): DataDir {
  makeDirs(path);
  checkFormat(path);
  const lock = takeLock(path);
  const { secrets, isNew } = loadSecrets(path, random);
  return {
    path,
    isNew,
    secrets,
    file: (...parts) => join(path, ...parts),
    release: () => rmSync(lock, { force: true }),
  };
}

/** The process that holds the directory, if one runs. */
export function runningPid(path: string): number | null {
  const text = readOrNull(pidPath(path));
  const pid = Number(text);
  return text !== null && Number.isInteger(pid) && pid > 0 && isOurs(pid, path) ? pid : null;
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}

const pidPath = (path: string) => join(path, "run", "cloud.pid");

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

function takeLock(path: string): string {
  const lock = pidPath(path);
  for (;;) {
    const holder = runningPid(path);
    if (holder !== null && holder !== process.pid) throw errors.alreadyRunning(path, holder);
    rmSync(lock, { force: true });
    try {
      writeFileSync(lock, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
      return lock;
    } catch (error) {
      // Another process was quicker: look who it is.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** Whether the process names this directory on its command line: a pid alone may have been given to another program. */
function isOurs(pid: number, path: string): boolean {
  if (pid === process.pid) return true;
  const commandLine = readOrNull(`/proc/${pid}/cmdline`);
  return commandLine?.split("\0").includes(path) ?? false;
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
    if (code === "ENOENT" || code === "ESRCH") return null;
    throw error;
  }
}
