// A file of lines that is appended to, and now and then replaced whole. What the disk takes only in part is
// cut off again; a last line that a crash cut short is no line.
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "./sync-directory.ts";

export class LineFile {
  /** The lines that were there. */
  readonly found: readonly string[];
  readonly #path: string;
  #file: number | null = null;
  #size: number;
  #isDirty = false;

  constructor(path: string) {
    this.#path = path;
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    this.#size = bytes.lastIndexOf("\n") + 1;
    this.found = bytes.toString("utf8", 0, this.#size).split("\n").slice(0, -1);
  }

  /** Appends lines, or throws and appends none. */
  append(lines: readonly string[]): void {
    this.#file ??= this.#open();
    this.#isDirty = true;
    try {
      this.#size += writeLines(this.#file, lines, this.#size);
    } catch (error) {
      ftruncateSync(this.#file, this.#size);
      throw error;
    }
  }

  /** Puts lines into a new file, which replaces the old one whole; or throws and leaves the old one. */
  replace(lines: readonly string[]): void {
    const fresh = `${this.#path}.new`;
    const file = openSync(fresh, "w", 0o600);
    let size: number;
    try {
      size = writeLines(file, lines, 0);
      fdatasyncSync(file);
      renameSync(fresh, this.#path);
    } catch (error) {
      closeSync(file);
      rmSync(fresh, { force: true });
      throw error;
    }
    if (this.#file !== null) closeSync(this.#file);
    this.#file = file;
    this.#size = size;
    this.#isDirty = false;
    syncDirectory(dirname(this.#path));
  }

  sync(): void {
    if (this.#file === null || !this.#isDirty) return;
    fdatasyncSync(this.#file);
    this.#isDirty = false;
  }

  #open(): number {
    const file = openSync(this.#path, existsSync(this.#path) ? "r+" : "wx", 0o600);
    ftruncateSync(file, this.#size);
    return file;
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

/** Says how many bytes they are. */
function writeLines(file: number, lines: readonly string[], at: number): number {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  for (let from = 0; from < bytes.length; )
    from += writeSync(file, bytes, from, bytes.length - from, at + from);
  return bytes.length;
}
