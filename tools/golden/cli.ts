// The page of the command line: the help of the program and of each of its commands, as it prints it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../sources.ts";
import { page } from "./markdown.ts";

const execute = promisify(execFile);

export async function cliPage(): Promise<string> {
  const whole = await help();
  const commands = commandsOf(whole);
  const helps = await Promise.all(commands.map(help));
  const sections = commands.flatMap((name, n) => [`## micronova ${name}`, fenced(helps[n]!)]);
  return page(
    "The command line",
    "A wrong command line exits with 2, a failure with 1 and one sentence that says what to do.",
    fenced(whole),
    ...sections,
  );
}

/** The names under “Commands:”, but for the one that prints help. */
export function commandsOf(text: string): string[] {
  const list = text.slice(text.indexOf("Commands:"));
  return [...list.matchAll(/^ {2}([a-z-]+)\b/gm)].map(([, name]) => name!).filter((name) => name !== "help");
}

async function help(command?: string): Promise<string> {
  const words = command === undefined ? ["--help"] : [command, "--help"];
  const main = join(root, "packages", "cli", "main.ts");
  // Compiled code is kept where the launcher keeps it.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "micronova") };
  const { stdout } = await execute(process.execPath, [main, ...words], { env });
  return stdout;
}

const fenced = (text: string): string => `\`\`\`\n${text.trimEnd()}\n\`\`\``;
