// A lock that the kernel takes back when its holder dies, however it dies. Node has no call for file locks;
// SQLite does, and an exclusive transaction that never ends on an empty database is one.
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { sqliteCode } from "./errors.ts";

export interface FileLock {
  release(): void;
}

// Whoever only looks holds the file for a moment, which is not to be taken for a holder.
const lookMs = 200;

/** Takes the lock; null when another process has it. The file is made when absent, and stays. */
export function lockFile(path: string): FileLock | null {
  return attempt(path, { timeout: lookMs }, "BEGIN EXCLUSIVE");
}

/** Whether somebody holds the lock now. */
export function isLockedFile(path: string): boolean {
  if (!existsSync(path)) return false;
  const look = attempt(path, { timeout: 0, readOnly: true }, "SELECT count(*) FROM sqlite_schema");
  look?.release();
  return look === null;
}

function attempt(
  path: string,
  options: { readonly timeout: number; readonly readOnly?: boolean },
  sql: string,
): FileLock | null {
  const database = new DatabaseSync(path, options);
  try {
    database.exec(sql);
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if (sqliteCode(error) === sqliteBusy) return null;
    throw error;
  }
}

const sqliteBusy = 5;
