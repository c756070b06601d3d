// A cloud in one process that is killed again and again: our own child, so that how it ended is known, and
// started on the data that the kill left. It does not outlive the test, however that ends.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOpenrc } from "../../packages/cli/openrc.ts";
import { micronova, root } from "./running-cloud.ts";

export class MortalCloud {
  readonly dataDir = mkdtempSync(join(tmpdir(), "micronova-kills-"));
  readonly #args: readonly string[];
  #port = "0";
  #child: ChildProcess | null = null;
  #died: Promise<NodeJS.Signals | number | null> = Promise.resolve(null);

  /** More of the command line, such as `--fake-hosts 2`. */
  constructor(args: readonly string[]) {
    this.#args = args;
  }

  /** `http://127.0.0.1:8774`, as soon as it has been up. */
  get origin(): string {
    return new URL(readOpenrc(readFileSync(join(this.dataDir, "openrc"), "utf8")).authUrl).origin;
  }

  /** Resolves with the signal or the status that ended the process, once it is gone. */
  get died(): Promise<NodeJS.Signals | number | null> {
    return this.#died;
  }

  /** Ready when it returns; (again) on the port it had. */
  async up(): Promise<void> {
    const where = ["--data-dir", this.dataDir, "--port", this.#port];
    const command = [
      "setpriv",
      "--pdeathsig",
      "KILL",
      join(root, "micronova"),
      "up",
      ...where,
      ...this.#args,
    ];
    const [name, ...args] = command;
    const child = spawn(name!, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let words = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      words += chunk;
    });
    this.#child = child;
    this.#died = new Promise((resolve) => child.once("exit", (status, signal) => resolve(signal ?? status)));
    const ready = new Promise<"ready">((resolve) => child.once("message", () => resolve("ready")));
    const first = await Promise.race([ready, this.#died]);
    if (first !== "ready") throw new Error(`the cloud did not start (${first}): ${words}`);
    this.#port = new URL(this.origin).port;
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#died;
  }

  /** Kills it and removes all it made. */
  async destroy(): Promise<void> {
    await this.kill();
    const { status, stderr } = await micronova(["down", "--destroy", "--yes", "--data-dir", this.dataDir]);
    rmSync(this.dataDir, { recursive: true, force: true });
    if (status !== 0) throw new Error(`the cloud did not go: ${stderr}`);
  }
}
