// What a process is connected to, as the kernel knows it.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const established = "01";

/** How many connections of TCP it has, whoever they lead to. */
export function connectionsOf(pid: number): number {
  const proc = `/proc/${pid}`;
  const sockets = new Set(readdirSync(join(proc, "fd")).map((fd) => linkOf(join(proc, "fd", fd))));
  const lines = readFileSync(join(proc, "net", "tcp"), "utf8").split("\n");
  return lines.filter((line) => {
    const [, , , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === established && sockets.has(`socket:[${inode}]`);
  }).length;
}

/** Empty for a file that was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
