// Programs that write into volumes end with the worker. One that outlived a killed worker would go on writing
// into a range that may belong to another volume by then.
import { type Millis, type RunResult, run } from "@micronova/kit";

/** Runs a program that the kernel kills when this process dies. */
export function runTied(program: string, args: readonly string[], timeoutMs: Millis): Promise<RunResult> {
  return run("setpriv", ["--pdeathsig", "SIGKILL", "--", program, ...args], { timeoutMs });
}
