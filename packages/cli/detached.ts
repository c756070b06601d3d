// A command that goes on in a process of its own, for whoever wants the terminal back.
import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { cliErrors } from "./errors.ts";

/**
 * Runs the command line with these arguments and returns what it says once it has got so far; throws with its
 * last words if it ends before. Its output goes to the log.
 */
export async function runDetached(args: readonly string[], logPath: string): Promise<string> {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  // Appended to: it may be the log of one that runs already.
  const output = openSync(logPath, "a", 0o600);
  const before = fstatSync(output).size;
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
  });
  closeSync(output);
  const text = await new Promise<string>((ready, fail) => {
    child.once("error", fail);
    child.once("exit", () => fail(cliErrors.didNotStart(lastWords(logPath, before))));
    child.once("message", (message: { ready: string }) => ready(message.ready));
  });
  child.removeAllListeners("exit");
  child.disconnect();
  child.unref();
  return text;
}

/** What whoever started this command waits for; printed when it runs in the foreground. */
export function sayStarted(text: string, stream: NodeJS.WritableStream): void {
  if (process.send === undefined) stream.write(text);
  else process.send({ ready: text });
}

function lastWords(path: string, from: number): string {
  const text = readFileSync(path).subarray(from).toString("utf8").trim();
  return (
    text.replace(/^micronova: /, "").slice(-2000) ||
    "it ended without a word; is the disk of its data directory full?"
  );
}
