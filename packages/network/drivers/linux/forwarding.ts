// The host routes between its bridges and the outside only while some cloud has networks on it. The value
// found is written down once for the whole machine, and put back by the cloud that leaves last.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { run } from "@micronova/kit";
import { tablePrefix } from "./names.ts";

const setting = "/proc/sys/net/ipv4/ip_forward";
// Like the setting itself, forgotten when the machine restarts.
const note = "/run/micronova/ip_forward";

export async function enableForwarding(): Promise<void> {
  const found = (await readFile(setting, "utf8")).trim();
  if (found === "1") return;
  await mkdir(dirname(note), { recursive: true });
  await writeFile(note, found);
  await writeFile(setting, "1");
}

/** Call it after this cloud's tables are gone. */
export async function restoreForwarding(): Promise<void> {
  const { stdout } = await run("nft", ["list", "tables"]);
  if (stdout.includes(` ${tablePrefix}`)) return;
  const before = await readFile(note, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (before === null) return;
  await writeFile(setting, before);
  await rm(note, { force: true });
}
