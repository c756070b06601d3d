// A PostgreSQL server of the test's own, from Debian's package: on a free port of the loopback and a socket,
// in a directory of its own. A system service of the same package, if there is one, is neither used nor
// touched. PostgreSQL refuses to run as root, so root runs it as the package's user.
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemRandom } from "@micronova/kit";
import { freePort } from "./free-port.ts";
import { program } from "./running-cloud.ts";

export interface PostgresOptions {
  /** False where what is lost in a power cut does not matter, for speed. */
  readonly syncs?: boolean;
}

export interface RunningPostgres {
  /** By TCP, with a password. */
  readonly url: string;
  /** By the socket, for programs of the same user and root. */
  readonly socketUrl: string;
  /** Makes a database and answers with its URL by TCP. */
  database(name: string): Promise<string>;
  /** Runs SQL as its owner, each text a transaction. */
  sql(...texts: readonly string[]): Promise<void>;
  /** Its pid while it runs. */
  pid(): number | null;
  /** Ends it in order, its sessions at once. */
  stop(): Promise<void>;
  /** Ends it without a word (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again, with the data and the port it had. */
  start(): Promise<void>;
  /** Ends it for good, with everything that was made for it. */
  destroy(): Promise<void>;
}

const programs = globSync("/usr/lib/postgresql/*/bin").sort().at(-1);
/** False, or why there is none: a reason to skip a test. */
export const postgresMissing: string | false =
  programs === undefined ? "the package postgresql is not installed" : false;

const withParent: readonly [string, ...string[]] = ["setpriv", "--pdeathsig", "KILL"];

// Alone it takes less than a second.
const startWithinMs = 60_000;
const pollMs = 20;

export async function startPostgres({ syncs = true }: PostgresOptions = {}): Promise<RunningPostgres> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-postgres-"));
  const owner = packageUser();
  if (owner !== null) chownSync(dir, owner.uid, owner.gid);
  const server = new Server({ dir, owner, syncs, port: await freePort() });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await server.destroy();
    throw error;
  }
  return {
    url: server.url("postgres"),
    socketUrl: server.socketUrl,
    async database(name) {
      await server.sql(`CREATE DATABASE ${name}`);
      return server.url(name);
    },
    sql: (...texts) => server.sql(...texts),
    pid: () => server.pid,
    stop: () => server.end("SIGINT"),
    kill: () => server.end("SIGKILL"),
    start: () => server.start(),
    destroy: () => server.destroy(),
  };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** As whom root runs it. */
function packageUser(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("postgres:"));
  if (line === undefined) throw new Error("there is no user postgres, which Debian's package makes");
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

interface ServerDeps {
  readonly dir: string;
  readonly owner: Owner | null;
  readonly syncs: boolean;
  readonly port: number;
}

class Server {
  readonly #deps: ServerDeps;
  readonly #password = systemRandom.uuid();
  #child: ChildProcess | null = null;

  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get socketUrl(): string {
    const { dir, port } = this.#deps;
    return `postgres://micronova@${encodeURIComponent(dir)}:${port}/postgres`;
  }

  url(database: string): string {
    return `postgres://micronova:${this.#password}@127.0.0.1:${this.#deps.port}/${database}`;
  }

  async initialise(): Promise<void> {
    const { dir } = this.#deps;
    const passwordPath = join(dir, "password");
    writeFileSync(passwordPath, this.#password);
    chmodSync(passwordPath, 0o644);
    const initdb = this.#spawn("initdb", [
      ...["--pgdata", join(dir, "data"), "--username", "micronova", "--pwfile", passwordPath],
      ...["--encoding", "UTF8", "--locale", "C", "--no-sync", "--auth-local", "trust"],
      ...["--auth-host", "scram-sha-256"],
    ]);
    if ((await exitOf(initdb)) !== 0) throw new Error(`initdb failed: ${this.#output()}`);
  }

  async start(): Promise<void> {
    if (this.#child !== null) throw new Error("PostgreSQL runs already");
    const { dir, port, syncs } = this.#deps;
    const settings = {
      listen_addresses: "127.0.0.1",
      port: String(port),
      unix_socket_directories: dir,
      max_connections: "300",
      ...(syncs ? {} : { fsync: "off", full_page_writes: "off", synchronous_commit: "off" }),
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const until = performance.now() + startWithinMs;
    // What a killed server left behind may still be ending, and refuses the next one until it has.
    while (!(await this.#startOnce(options, until))) {
      if (performance.now() > until) throw new Error(`PostgreSQL did not start: ${this.#output()}`);
      await sleep(pollMs);
    }
  }

  /** False when it ended before it answered. */
  async #startOnce(options: readonly string[], until: number): Promise<boolean> {
    const child = this.#spawn("postgres", ["-D", join(this.#deps.dir, "data"), ...options]);
    this.#child = child;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > until) {
        await this.end("SIGKILL");
        return false;
      }
      await sleep(pollMs);
    }
    return true;
  }

  async sql(...texts: readonly string[]): Promise<void> {
    const commands = texts.flatMap((text) => ["--command", text]);
    const options = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", ...commands];
    const { status, stderr } = await program(join(programs ?? "", "psql"), [this.socketUrl, ...options]);
    if (status !== 0) throw new Error(`psql: ${stderr}`);
  }

  async end(signal: "SIGINT" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    child.kill(signal);
    await exitOf(child);
  }

  async destroy(): Promise<void> {
    await this.end("SIGINT");
    rmSync(this.#deps.dir, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    const ready = await program(join(programs ?? "", "pg_isready"), ["--quiet", "--dbname", this.socketUrl]);
    return ready.status === 0;
  }

  /** Starts a program that does not outlive this process, however this process ends. */
  #spawn(name: string, args: readonly string[]): ChildProcess {
    const { dir, owner } = this.#deps;
    const as =
      owner === null ? [] : ["--reuid", String(owner.uid), "--regid", String(owner.gid), "--clear-groups"];
    const output = openSync(join(dir, "output"), "a");
    const [program, ...options] = [...withParent, ...as, join(programs ?? "", name), ...args];
    const child = spawn(program, options, { cwd: dir, stdio: ["ignore", output, output] });
    closeSync(output);
    return child;
  }

  #output(): string {
    return readFileSync(join(this.#deps.dir, "output"), "utf8").slice(-4_000);
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    child.once("error", reject);
    child.once("exit", (code) => resolve(code));
  });
}
