// Where a cloud lives when nobody says: `/var/lib` for root, the XDG data directory otherwise.
import { homedir } from "node:os";
import { join } from "node:path";

export const isRoot = (): boolean => process.getuid?.() === 0;

export function defaultDataDir(): string {
  if (isRoot()) return "/var/lib/micronova";
  return join(process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "micronova");
}
