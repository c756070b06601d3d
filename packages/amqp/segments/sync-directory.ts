// A file that was made or renamed is there after a power cut only when its directory was synced as well.
import { closeSync, fsyncSync, openSync } from "node:fs";

export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
