// Roles of a cloud as processes of their own, for tests that start, stop and kill them one by one.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "@micronova/client";
import { readOpenrc } from "../../packages/cli/openrc.ts";
import { freePort } from "./free-port.ts";
import { type Host, on } from "./hosts-in-namespaces.ts";
import { main, type ProgramResult, program } from "./running-cloud.ts";
import { RunningProgram } from "./running-program.ts";

export interface RoleOptions {
  /** `conductor,scheduler` */
  readonly role: string;
  /** Also names its data directory: what has the same name shares one. */
  readonly host: string;
  /** More of the command line, such as `--port 0`. */
  readonly args?: readonly string[];
  /** A directory it does not see the contents of, as if it were on another machine; needs root. */
  readonly hidden?: string;
  /** Where it runs; on this machine itself without it. */
  readonly on?: Host;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RoleProcess {
  readonly role: string;
  readonly host: string;
  readonly dataDir: string;
  pid(): number;
  /** What a path of its health address answers, as a status and text. */
  health(path: "/healthz" | "/readyz" | "/metrics"): Promise<readonly [status: number, text: string]>;
  ready(): Promise<void>;
  /** Where its APIs answer, once it is ready. */
  origin(): string;
  /** Resolves when it is gone, with its status or signal. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | NodeJS.Signals | null>;
  /** Starts it again, as it was. */
  start(): void;
}

export interface RoleCloud {
  /** Holds the processes' data directories, each under its host's name. */
  readonly dir: string;
  readonly processes: readonly RoleProcess[];
  start(options: RoleOptions): Promise<RoleProcess>;
  /** As the administrator, by the credentials of this API. */
  client(api: RoleProcess): Promise<Client>;
  openstack(api: RoleProcess, args: readonly string[]): Promise<ProgramResult>;
  /** Ends all of it and removes what it wrote. */
  stop(): Promise<void>;
}

/** A cloud of roles with this configuration; none of them runs yet. */
export function roleCloud(config: string): RoleCloud {
  const dir = mkdtempSync(join(tmpdir(), "micronova-roles-"));
  const configPath = join(dir, "micronova.toml");
  writeFileSync(configPath, config);
  const processes: RoleProcess[] = [];
  return {
    dir,
    processes,
    async start(options) {
      const made = await roleProcess({ ...options, dir, configPath });
      processes.push(made);
      return made;
    },
    client: ({ dataDir }) => connect(readOpenrc(readFileSync(join(dataDir, "openrc"), "utf8"))),
    openstack: ({ dataDir }, args) =>
      program("/usr/bin/openstack", args, {
        OS_CLIENT_CONFIG_FILE: join(dataDir, "clouds.yaml"),
        OS_CLOUD: "micronova-admin",
      }),
    async stop() {
      await Promise.all(processes.map((one) => one.end("SIGKILL")));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// A name space of its own for mounts, in which an empty file system lies over the directory.
const script = 'mount -t tmpfs none "$0" && exec "$@"';
const without = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script];

interface Place {
  readonly dir: string;
  readonly configPath: string;
}

async function roleProcess({
  role,
  host,
  args = [],
  hidden,
  env = {},
  on: place,
  dir,
  configPath,
}: RoleOptions & Place): Promise<RoleProcess> {
  const dataDir = join(dir, host);
  const health = `${place?.address ?? "127.0.0.1"}:${await freePort()}`;
  const where = ["--config", configPath, "--data-dir", dataDir, "--name", host, "--health", health];
  // It does not outlive the test, however that ends.
  const bound = ["setpriv", "--pdeathsig", "KILL", process.execPath, main];
  const elsewhere = [
    ...(place === undefined ? [] : on(place).flat()),
    ...(hidden === undefined ? [] : [...without, hidden]),
  ];
  const start = () =>
    new RunningProgram([...elsewhere, ...bound, "serve", "--role", role, ...where, ...args], env);
  let running = start();
  return {
    role,
    host,
    dataDir,
    pid: () => running.pid,
    async health(path) {
      const answer = await fetch(`http://${health}${path}`);
      return [answer.status, await answer.text()];
    },
    ready: () => running.until(`micronova: ${role.split(",").join(", ")} of ${host}: ready`),
    origin: () => / APIs at (\S+)$/.exec(running.lines.at(-1) ?? "")?.[1] ?? "",
    async end(signal) {
      if (running.ending === null) await running.end(signal);
      return running.ending;
    },
    start() {
      running = start();
    },
  };
}
