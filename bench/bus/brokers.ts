// The two that are compared, each as a process of its own on free ports of the loopback, with its data in a
// directory of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../tests/support/running-cloud.ts";
import { rabbitMissing, startRabbit } from "../../tests/support/running-rabbit.ts";

export interface Measured {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Ends it without a word. */
  kill(): Promise<void>;
  /** Starts it again on its data; resolves when it answers. */
  start(): Promise<void>;
  /** Ends it for good. */
  remove(): Promise<void>;
}

/** With `hasManagement`, the API of RabbitMQ's plugin beside it, as by default. */
export async function startOurs({ hasManagement = true } = {}): Promise<Measured> {
  const dataDir = mkdtempSync(join(tmpdir(), "micronova-bench-"));
  const serve = (port: string) => spawnBus(dataDir, port, hasManagement ? [] : ["--no-management"]);
  let child = serve("0");
  let { port } = new URL(await said(child, /The bus is up at (\S+),/));
  return {
    name: "micronova",
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? 0;
    },
    kill: () => ended(child, "SIGKILL"),
    async start() {
      child = serve(port);
      port = new URL(await said(child, /The bus is up at (\S+),/)).port;
    },
    async remove() {
      await ended(child, "SIGKILL");
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A start that is not counted, ended in order: it leaves compiled code for the next, as installing does. */
export async function warmUp(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "micronova-bench-"));
  const child = spawnBus(dataDir, "0", []);
  await said(child, /Its management API is up at (\S+)/);
  await ended(child, "SIGTERM");
  rmSync(dataDir, { recursive: true, force: true });
}

function spawnBus(dataDir: string, port: string, more: readonly string[]): ChildProcess {
  const args = ["bus", "serve", "--data-dir", dataDir, "--port", port, ...more];
  return spawn(join(root, "micronova"), args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Resolves once it has said such a line, with what the line names. */
function said(child: ChildProcess, line: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      all += chunk;
      const named = line.exec(all)?.[1];
      if (named !== undefined) resolve(named);
    });
    child.once("exit", (status) => reject(new Error(`the bus ended with ${status}: ${all}`)));
  });
}

function ended(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

/** With `hasManagement`, its plugin, which is off in Debian's package. */
export async function startTheirs({ hasManagement = false } = {}): Promise<Measured> {
  if (rabbitMissing !== false) throw new Error(`there is nothing to compare with: ${rabbitMissing}`);
  const rabbit = await startRabbit({ plugins: hasManagement ? ["rabbitmq_management"] : [] });
  return {
    name: "RabbitMQ",
    url: rabbit.url,
    get pid() {
      return rabbit.pid() ?? 0;
    },
    kill: () => rabbit.kill(),
    start: () => rabbit.start(),
    remove: () => rabbit.stop(),
  };
}

/** Both, gone when `work` is done. */
export async function withBoth<T>(work: (ours: Measured, theirs: Measured) => Promise<T>): Promise<T> {
  const ours = await startOurs();
  try {
    const theirs = await startTheirs();
    try {
      return await work(ours, theirs);
    } finally {
      await theirs.remove();
    }
  } finally {
    await ours.remove();
  }
}
