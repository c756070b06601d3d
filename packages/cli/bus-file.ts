// How commands find a bus that runs: where its management API answers and the key that opens it, in a file of
// the data directory that nobody else can read.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface BusFile {
  readonly url: string;
  readonly key: string;
  readonly pid: number;
}

const pathIn = (dataDir: string) => join(dataDir, "run", "bus.json");

export function writeBusFile(dataDir: string, file: BusFile): void {
  const path = pathIn(dataDir);
  mkdirSync(join(dataDir, "run"), { recursive: true, mode: 0o700 });
  // Whoever reads it reads all of it.
  writeFileSync(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Null when no bus was served there, or it ended in order. */
export function readBusFile(dataDir: string): BusFile | null {
  const path = pathIn(dataDir);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}

export function removeBusFile(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}
