// A program that goes on, as a user in a terminal sees it: lines that appear one by one, until Ctrl-C.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class RunningProgram {
  /** What it has printed so far. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #errors = "";
  #isClosed = false;
  #look: () => void = () => undefined;

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [name, ...args] = command;
    this.#child = spawn(name!, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors += chunk;
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.lines.push(line);
      this.#look();
    });
    this.#closed = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", () => {
        this.#isClosed = true;
        this.#look();
        resolve();
      });
    });
  }

  /** Waits for a line that begins so; fails when the program ends before. */
  until(beginning: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        if (this.lines.some((line) => line.startsWith(beginning))) resolve();
        else if (this.#isClosed)
          reject(new assert.AssertionError({ message: `ended without '${beginning}': ${this.#errors}` }));
      };
      this.#look();
    });
  }

  /** Resolves when it is gone. */
  async end(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    await this.#closed;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** How it ended: its status, or the signal; null while it runs. */
  get ending(): number | NodeJS.Signals | null {
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}
