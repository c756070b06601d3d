// The page of the command line: the help of the program and of each of its commands, as it prints it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../sources.ts";
import { page } from "./markdown.ts";

const execute = promisify(execFile);

export async function cliPage(): Promise<string> {
  const whole = await help([]);
  const sections = await sectionsOf([], whole);
  return page(
    "The command line",
    "A wrong command line exits with 2, a failure with 1 and one sentence that says what to do.",
    fenced(whole),
    ...sections,
  );
}

/** A section for each command under this one, each followed by those of its own commands. */
async function sectionsOf(parents: readonly string[], text: string): Promise<string[]> {
  const sections = await Promise.all(
    commandsOf(text).map(async (name) => {
      const words = [...parents, name];
      const own = await help(words);
      return [`## micronova ${words.join(" ")}`, fenced(own), ...(await sectionsOf(words, own))];
    }),
  );
  return sections.flat();
}

/** The names under “Commands:”, but for the one that prints help. */
export function commandsOf(text: string): string[] {
  const list = text.slice(text.indexOf("Commands:"));
  return [...list.matchAll(/^ {2}([a-z-]+)\b/gm)].map(([, name]) => name!).filter((name) => name !== "help");
}

async function help(words: readonly string[]): Promise<string> {
  const main = join(root, "packages", "cli", "main.ts");
  // Compiled code is kept where the launcher keeps it.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "micronova") };
  const { stdout } = await execute(process.execPath, [main, ...words, "--help"], { env });
  return stdout;
}

const fenced = (text: string): string => `\`\`\`\n${text.trimEnd()}\n\`\`\``;
