// Where a cloud and its caches live when nobody says: `/var/lib` for root, the XDG data directory otherwise.
import { homedir } from "node:os";
import { join } from "node:path";

export const isRoot = (): boolean => process.getuid?.() === 0;

/** For what can be made again. */
export function cacheHome(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "micronova");
}

export function defaultDataDir(): string {
  if (isRoot()) return "/var/lib/micronova";
  return join(process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "micronova");
}
