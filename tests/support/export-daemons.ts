// The processes that serve exports of volumes, as the machine sees them.
import { readFileSync, readlinkSync } from "node:fs";
import { run } from "@micronova/kit";

export interface ExportDaemon {
  readonly pid: number;
  /** The host it lets in; null without TLS. */
  readonly initiator: string | null;
}

/** Those whose exports are under this directory. */
export async function exportDaemons(dir: string): Promise<readonly ExportDaemon[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,comm="]);
  const pids = stdout
    .split("\n")
    .filter((line) => / qemu-storage-/.test(line))
    .map((line) => Number.parseInt(line, 10));
  return pids.filter((pid) => workingFolder(pid).startsWith(dir)).map((pid) => daemon(pid));
}

function daemon(pid: number): ExportDaemon {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
  return { pid, initiator: /"CN=([^"]+)"/.exec(words)?.[1] ?? null };
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended: nobody's.
    return "";
  }
}
