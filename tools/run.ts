// Runs the steps of a chore side by side and prints, for each, how it ended, how long it took, and what it
// said on failure.
import { spawn } from "node:child_process";
import { root } from "./sources.ts";

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Counts each test of node's runner instead of the step as a whole. */
  readonly isTests?: boolean;
}

/** For every run of node's test runner: a test that hangs is a failure. */
export const testBounds = ["--test-timeout=300000"] as const;

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs the steps, `concurrency` at a time, in order. */
export async function runSteps(steps: readonly Step[], concurrency: number): Promise<Tally> {
  const tallies: Tally[] = [];
  const waiting = [...steps];
  const lane = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift())
      tallies.push(await runStep(step));
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return sum(tallies);
}

export function sum(tallies: readonly Tally[]): Tally {
  const total = (key: keyof Tally) => tallies.reduce((all, tally) => all + tally[key], 0);
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
}

/** The line that closes every run of tests; sets the exit status. */
export function close(tally: Tally): void {
  process.stdout.write(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`);
  process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}

async function runStep(step: Step): Promise<Tally> {
  const started = performance.now();
  const { status, output } = await capture(step.command);
  const tally = step.isTests ? testTally(output, status) : wholeTally(status);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const detail = step.isTests
    ? ` (${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped)`
    : "";
  process.stdout.write(
    `${tally.failed === 0 ? "ok  " : "FAIL"} ${step.name.padEnd(20)} ${seconds} s${detail}\n`,
  );
  if (tally.failed > 0) process.stdout.write(`${indent(output)}\n`);
  return tally;
}

function capture([program, ...args]: Step["command"]): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, FORCE_COLOR: "0" };
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ status: code ?? 1, output: Buffer.concat(chunks).toString("utf8") }),
    );
  });
}

const wholeTally = (status: number): Tally => ({
  passed: status === 0 ? 1 : 0,
  failed: status === 0 ? 0 : 1,
  skipped: 0,
});

/** Reads the closing figures of node's spec reporter. A runner that dies without them is one failure. */
export function testTally(output: string, status: number): Tally {
  const figure = (name: string) =>
    Number(new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(output)?.[1] ?? Number.NaN);
  const tally = {
    passed: figure("pass"),
    failed: figure("fail") + figure("cancelled"),
    skipped: figure("skipped"),
  };
  if (Number.isNaN(tally.passed)) return { passed: 0, failed: 1, skipped: 0 };
  return status !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

// Enough to see what went wrong; the whole is one command away.
const outputLinesMax = 400;

function indent(output: string): string {
  const failing = output.includes("✖ failing tests:")
    ? output.slice(output.indexOf("✖ failing tests:"))
    : output;
  const lines = failing.trimEnd().split("\n");
  const shown = lines.slice(0, outputLinesMax).map((line) => `     ${line}`);
  if (lines.length > outputLinesMax) shown.push(`     … ${lines.length - outputLinesMax} more lines`);
  return shown.join("\n");
}
