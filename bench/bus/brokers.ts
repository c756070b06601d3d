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

export async function startOurs(): Promise<Measured> {
  const dataDir = mkdtempSync(join(tmpdir(), "micronova-bench-"));
  let child: ChildProcess | null = null;
  let port = "0";
  const ours = {
    name: "micronova",
    get url() {
      return `amqp://guest:guest@127.0.0.1:${port}`;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    async kill() {
      if (child === null) return;
      const exited = new Promise((resolve) => child?.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
      child = null;
    },
    async start() {
      child = spawn(join(root, "micronova"), ["bus", "serve", "--data-dir", dataDir, "--port", port], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      port = await portSaid(child);
    },
    async remove() {
      await ours.kill();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  await ours.start();
  return ours;
}

/** Resolves once it says where it answers. */
function portSaid(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk;
      const port = /The bus is up at \S+:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(port);
    });
    child.once("exit", (status) => reject(new Error(`the bus ended with ${status}: ${said}`)));
  });
}

export async function startTheirs(): Promise<Measured> {
  if (rabbitMissing !== false) throw new Error(`there is nothing to compare with: ${rabbitMissing}`);
  const rabbit = await startRabbit();
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
