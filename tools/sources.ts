// The source files of the checkout and what each imports: what `layers` and `tidy` look at.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Import {
  readonly from: string;
  readonly line: number;
}

export interface Source {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly imports: readonly Import[];
}

/** A finding, as the checks print it: `packages/x/y.ts:12 what is wrong`. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

const listed = ["ls-files", "--cached", "--others", "--exclude-standard"];

/** Every TypeScript file git knows or would add, that is still there. */
export function readSources(): readonly Source[] {
  const output = execFileSync("git", [...listed, "*.ts", "*.tsx"], { cwd: root, encoding: "utf8" });
  return output.split("\n").filter(Boolean).flatMap(readSource);
}

function readSource(path: string): Source[] {
  let text: string;
  try {
    text = readFileSync(join(root, path), "utf8");
  } catch (error) {
    // Deleted in the work tree but not yet in the index.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return [{ path, text, lines: text.split("\n"), imports: importsOf(text) }];
}

const importPattern = /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/g;

function importsOf(text: string): Import[] {
  return [...text.matchAll(importPattern)].map((match) => ({
    from: match[1] ?? match[2] ?? "",
    line: text.slice(0, match.index + match[0].length).split("\n").length,
  }));
}

/** Prints the findings, and ends the process with status 1 when there are any. */
export function report(name: string, findings: readonly Finding[]): void {
  for (const { path, line, text } of findings) process.stdout.write(`${path}:${line} ${text}\n`);
  process.stdout.write(`${name}: ${findings.length === 0 ? "clean" : `${findings.length} findings`}\n`);
  if (findings.length > 0) process.exitCode = 1;
}
