// The highest fence seen for each subject, on disk: an append-only file of JSON lines, synced before a call
// goes on. Raises that come together share one sync. A subject stays known after its server is gone, since a
// late `spawn` may come after the `destroy`; when there are too many, the longest unheard-of are forgotten.
import { mkdirSync, readFileSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { FenceStore } from "./contract.ts";

export interface FileFences extends FenceStore {
  /** Waits for what is being written, and closes the file. */
  close(): Promise<void>;
}

// About 100 MB of memory; no message is late by a million servers.
const subjectsMax = 1_000_000;
// The file is rewritten when it holds this many lines beyond twice its subjects.
const staleLinesMax = 1_000;

interface Raise {
  readonly subject: string;
  readonly counter: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Opens the fences kept in a directory of the worker's own, making it if need be. */
export function fileFences(dir: string): FileFences {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return new FenceFile(dir);
}

class FenceFile implements FileFences {
  readonly #dir: string;
  /** What is safely written, in the order of the last raise. */
  readonly #highest = new Map<string, number>();
  #lines = 0;
  #waiting: Raise[] = [];
  #writing: Promise<void> | null = null;
  #file: FileHandle | null = null;

  constructor(dir: string) {
    this.#dir = dir;
    for (const line of readLines(this.#path)) {
      this.#lines++;
      this.#remember(...line);
    }
  }

  seen(subject: string): number {
    return this.#highest.get(subject) ?? 0;
  }

  raise(subject: string, counter: number): Promise<void> {
    if (counter <= this.seen(subject)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ subject, counter, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }

  get #path(): string {
    return join(this.#dir, "fences.jsonl");
  }

  #remember(subject: string, counter: number): void {
    const highest = Math.max(counter, this.seen(subject));
    this.#highest.delete(subject);
    this.#highest.set(subject, highest);
    if (this.#highest.size <= subjectsMax) return;
    const [oldest] = this.#highest.keys();
    this.#highest.delete(oldest!);
  }

  /** Writes until nobody waits; never rejects, since each raise is told by itself. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const raises = this.#waiting;
      this.#waiting = [];
      try {
        await this.#append(raises);
        for (const raise of raises) this.#remember(raise.subject, raise.counter);
        for (const raise of raises) raise.resolve();
      } catch (error) {
        for (const raise of raises) raise.reject(error);
      }
    }
    this.#writing = null;
  }

  async #append(raises: readonly Raise[]): Promise<void> {
    // Also the first time: a torn last line must not be appended to.
    if (this.#file === null || this.#lines > 2 * this.#highest.size + staleLinesMax) await this.#rewrite();
    await this.#file!.appendFile(raises.map(({ subject, counter }) => lineOf(subject, counter)).join(""));
    await this.#file!.datasync();
    this.#lines += raises.length;
  }

  /** Replaces the file by one line a subject. */
  async #rewrite(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    const fresh = `${this.#path}.new`;
    const file = await open(fresh, "w", 0o600);
    try {
      await file.appendFile(
        [...this.#highest].map(([subject, counter]) => lineOf(subject, counter)).join(""),
      );
      await file.datasync();
      await rename(fresh, this.#path);
      await syncDirectory(this.#dir);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    this.#lines = this.#highest.size;
  }
}

function lineOf(subject: string, counter: number): string {
  return `${JSON.stringify([subject, counter])}\n`;
}

function readLines(path: string): readonly (readonly [string, number])[] {
  return (
    readText(path)
      .split("\n")
      // The part after the last line's end is empty, or was cut short by a crash before its raise resolved.
      .slice(0, -1)
      .map((line) => JSON.parse(line) as readonly [string, number])
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // A worker's first start has no file yet.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  await handle.sync().finally(() => handle.close());
}
