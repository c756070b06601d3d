// A cloud in a process of its own, for tests that use it from outside: over HTTP, with the stock client, and
// with kill -9.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, connect } from "@micronova/client";
import { runningPid } from "@micronova/cloud";
import { readOpenrc } from "../../packages/cli/openrc.ts";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const main = join(root, "packages", "cli", "main.ts");

export interface CloudOptions {
  readonly virt: "fake" | "qemu";
  readonly fakeHosts?: number;
  readonly fakeDelayMs?: number;
  /** An empty directory; one of its own by default. */
  readonly dataDir?: string;
  /** Text of a configuration file. */
  readonly config?: string;
  /** Lets fault rules be added, with chance from this seed. */
  readonly faultSeed?: string;
}

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCloud {
  readonly dataDir: string;
  /** Logs in anew; the administrator by default. */
  client(user?: "admin" | "demo"): Promise<Client>;
  /**
   * Debian's client, as the administrator of the project `admin` unless another entry of clouds.yaml is
   * named.
   */
  openstack(args: readonly string[], cloud?: string): Promise<ProgramResult>;
  /** Starts it (again), on the port it had. */
  up(): Promise<void>;
  /** Ends the whole cloud without a word. */
  kill(): Promise<void>;
  /** Stops it and removes all it made. */
  destroy(): Promise<void>;
}

/** Runs the command line as a user would; never rejects for a failing status. */
export function micronova(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  return program(process.execPath, [main, ...args], env);
}

export function program(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({
        status: code ?? 1,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** The command lines of living processes that name the directory, which all of a cloud's do. */
export async function processesOf(dataDir: string): Promise<string[]> {
  const { stdout } = await program("ps", ["-eo", "args"]);
  return stdout.split("\n").filter((line) => line.includes(dataDir));
}

export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "micronova-test-"));
  const configPath = `${dataDir}.toml`;
  if (options.config !== undefined) writeFileSync(configPath, options.config);
  let port = "0";
  const openrc = () => readFileSync(join(dataDir, "openrc"), "utf8");
  const pid = () => Number(readFileSync(join(dataDir, "run", "cloud.pid"), "utf8"));
  const cloud: RunningCloud = {
    dataDir,
    client(user = "admin") {
      const credentials = readOpenrc(openrc());
      if (user === "admin") return connect(credentials);
      const { demoPassword } = JSON.parse(readFileSync(join(dataDir, "secrets.json"), "utf8"));
      return connect({ ...credentials, username: "demo", projectName: "demo", password: demoPassword });
    },
    openstack: (args, name = "micronova-admin") =>
      program("/usr/bin/openstack", args, {
        OS_CLIENT_CONFIG_FILE: join(dataDir, "clouds.yaml"),
        OS_CLOUD: name,
      }),
    async up() {
      const { status, stderr } = await micronova(upArguments(dataDir, port, options));
      if (status !== 0) throw new Error(`the cloud did not start: ${stderr}`);
      port = new URL(readOpenrc(openrc()).authUrl).port;
    },
    async kill() {
      process.kill(pid(), "SIGKILL");
      while (runningPid(dataDir) !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async destroy() {
      const { status, stderr } = await micronova(["down", "--destroy", "--yes", "--data-dir", dataDir]);
      rmSync(dataDir, { recursive: true, force: true });
      rmSync(configPath, { force: true });
      if (status !== 0) throw new Error(`the cloud did not go: ${stderr}`);
    },
  };
  await cloud.up();
  return cloud;
}

function upArguments(dataDir: string, port: string, options: CloudOptions): string[] {
  return [
    ...["up", "--detach", "--data-dir", dataDir, "--port", port, "--virt", options.virt],
    ...(options.config === undefined ? [] : ["--config", `${dataDir}.toml`]),
    ...(options.fakeHosts === undefined ? [] : ["--fake-hosts", String(options.fakeHosts)]),
    ...(options.faultSeed === undefined ? [] : [`--faults=${options.faultSeed}`]),
    ...(options.fakeDelayMs === undefined ? [] : ["--fake-delay", String(options.fakeDelayMs)]),
  ];
}

/** Asks `get` until `isDone` holds; fails with the last answer after `timeoutMs`. */
export async function eventually<T>(
  get: () => Promise<T>,
  isDone: (value: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const value = await get();
    if (isDone(value)) return value;
    if (performance.now() > until)
      throw new Error(`still not so after ${timeoutMs} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
