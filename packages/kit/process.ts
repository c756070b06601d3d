// Running other programs: arguments as a list (no shell), bounded output, a deadline, and what they said when
// they fail.
import { spawn } from "node:child_process";
import type { Millis } from "./clock.ts";
import { errorTable } from "./errors.ts";

export const processErrors = errorTable("process", {
  notFound: { status: 500, text: (program: string) => `The program ${program} is not installed.` },
  failed: {
    status: 500,
    text: (command: string, status: string, said: string) => `\`${command}\` ended with ${status}: ${said}`,
  },
  timedOut: {
    status: 500,
    text: (command: string, ms: Millis) => `\`${command}\` did not end within ${ms} ms.`,
  },
});

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: Millis;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

// Long enough for a slow disk, short enough that a hung tool is noticed.
const defaultTimeoutMs = 60_000;
// A tool that says more than this is broken; the rest is dropped.
const outputBytesMax = 16 * 1024 * 1024;

/**
 * Runs a program to its end. Throws `processErrors` when it is missing, fails or takes too long (it is then
 * killed).
 */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const command = [program, ...args].join(" ");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: "C", ...options.env },
    });
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = child.kill("SIGKILL");
    }, timeoutMs);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline);
      reject(error.code === "ENOENT" ? processErrors.notFound(program) : error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(deadline);
      if (code === 0) return resolve({ stdout: stdout(), stderr: stderr() });
      if (isLate) return reject(processErrors.timedOut(command, timeoutMs));
      reject(processErrors.failed(command, signal ?? `status ${code}`, stderr().trim() || stdout().trim()));
    });
    // A program that ends before reading all its input reports that by its status, not by the broken pipe.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputBytesMax) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
