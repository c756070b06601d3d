// The data directory of a cloud: its layout, its format's version, its secrets and its lock.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isFault, type Random } from "@micronova/kit";
import { type FileLock, isLockedFile, lockFile } from "@micronova/store/file-lock";
import { errors } from "./errors.ts";
import { allRoles, type RoleName, roleNames } from "./role-names.ts";

/** The layout's version: raised when files move. The tables have migrations of their own. */
const format = 1;

/** The configuration a cloud last started with: what its drivers were, whatever is asked for now. */
export const configFile = "config.json";

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

export interface OpenOptions {
  /** Those of the process; all of them without it, as a cloud in one process has. */
  readonly roles?: ReadonlySet<RoleName>;
  /** What the machine is called in the cloud; what it calls itself without it. Counts at the first start. */
  readonly hostName?: string | undefined;
}

/**
 * Opens or makes the directory and takes the locks of its roles, each of which runs on it once. Throws `errors`
 * when it is unusable, in use, or too new.
 */
export function openDataDir(path: string, random: Random, options: OpenOptions = {}): DataDir {
  const { roles = allRoles, hostName } = options;
  makeDirs(path);
  checkFormat(path);
  const release = takeLocks(path, roles);
  try {
    const file = (...parts: readonly string[]) => join(path, ...parts);
    return { path, ...loadSecrets(path, random), hostName: loadHostName(path, hostName), file, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The process that holds the directory as a whole cloud, if one runs. */
export function runningPid(path: string): number | null {
  return isLockedFile(lockPath(path, "cloud")) ? writtenPid(path, "cloud") : null;
}

/** The processes that have one of the roles each, or several. */
export function runningRoles(path: string): ReadonlyMap<RoleName, number | null> {
  const running = roleNames.filter((role) => isLockedFile(lockPath(path, role)));
  return new Map(running.map((role) => [role, writtenPid(path, role)]));
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  // Two processes that write the same must not write into one draft.
  const draft = `${path}.${process.pid}.new`;
  try {
    writeFileSync(draft, text, { mode });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw errors.diskFull(path);
    throw error;
  }
}

/** Writes a file unless it is there: of several processes that do, the first one's text stays. */
function writeFirst(path: string, text: string): void {
  const draft = `${path}.${process.pid}.first`;
  writeWhole(draft, text);
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
}

/** A whole cloud in one process, or one role of it. */
type Holder = "cloud" | RoleName;

const pidPath = (path: string, holder: Holder) => join(path, "run", `${holder}.pid`);
// A lock of the kernel's ends with its process; a file with a pid in it outlives a kill, and the pid is given
// anew.
const lockPath = (path: string, holder: Holder) =>
  join(path, "run", holder === "cloud" ? "lock" : `${holder}.lock`);

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
  if (found === null) writeFirst(join(path, "format"), `${format}\n`);
  else if (Number(found) > format) throw errors.newerData(path, Number(found), format);
}

/** Takes the locks of all the roles or none; the answer gives them back. */
function takeLocks(path: string, roles: ReadonlySet<RoleName>): () => void {
  const isWhole = roles === allRoles;
  const taken: (readonly [Holder, FileLock])[] = [];
  const release = () => {
    for (const [holder, lock] of taken) {
      rmSync(pidPath(path, holder), { force: true });
      lock.release();
    }
  };
  try {
    for (const holder of isWhole ? (["cloud"] as const) : roles) taken.push([holder, takeLock(path, holder)]);
    // Looked at once one's own are taken: of two that start at once at least one sees the other.
    const others: readonly Holder[] = isWhole ? roleNames : ["cloud"];
    for (const other of others) if (isLockedFile(lockPath(path, other))) throw inUse(path, other);
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

function takeLock(path: string, holder: Holder): FileLock {
  const lock = lockFile(lockPath(path, holder));
  if (lock === null) throw inUse(path, holder);
  rmSync(pidPath(path, holder), { force: true });
  try {
    // For people and for `down`; that somebody runs is what the lock says.
    writeWhole(pidPath(path, holder), `${process.pid}\n`);
  } catch (error) {
    // Destroying the cloud makes room and needs none; starting it says the same a moment later.
    if (!isFault(error, errors.diskFull)) throw error;
  }
  return lock;
}

function inUse(path: string, holder: Holder) {
  const pid = writtenPid(path, holder);
  return holder === "cloud" ? errors.alreadyRunning(path, pid) : errors.roleRuns(holder, path, pid);
}

function writtenPid(path: string, holder: Holder): number | null {
  const pid = Number(readOrNull(pidPath(path, holder)));
  return Number.isInteger(pid) && pid > 0 ? pid : null;
}

function loadSecrets(path: string, random: Random): { secrets: Secrets; isNew: boolean } {
  const file = join(path, "secrets.json");
  const text = readOrNull(file);
  if (text !== null) return { secrets: parseSecrets(file, text), isNew: false };
  const secret = () => Buffer.from(random.bytes(18)).toString("base64url");
  const cloudId = Buffer.from(random.bytes(4)).toString("hex");
  const secrets: Secrets = { adminPassword: secret(), demoPassword: secret(), cloudId };
  writeFirst(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return { secrets: parseSecrets(file, readFileSync(file, "utf8")), isNew: true };
}

function loadHostName(path: string, asked: string | undefined): string {
  const file = join(path, "host-name");
  writeFirst(file, `${asked ?? hostname()}\n`);
  const known = readFileSync(file, "utf8").trim();
  if (asked !== undefined && asked !== known) throw errors.hostNamed(path, known, asked);
  return known;
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
