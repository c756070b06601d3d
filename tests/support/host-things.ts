// What one cloud has on this machine outside its data directory, however many other clouds there are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { processesOf, program } from "./running-cloud.ts";

export interface HostThings {
  readonly guests: readonly string[];
  readonly taps: readonly string[];
  readonly bridges: readonly string[];
  readonly ruleTables: readonly string[];
  readonly loops: readonly string[];
  readonly logicalVolumes: readonly string[];
}

export const noThings: HostThings = {
  guests: [],
  taps: [],
  bridges: [],
  ruleTables: [],
  loops: [],
  logicalVolumes: [],
};

export const cloudIdOf = (dataDir: string): string =>
  JSON.parse(readFileSync(join(dataDir, "secrets.json"), "utf8")).cloudId;

export async function hostThings(dataDir: string, cloudId = cloudIdOf(dataDir)): Promise<HostThings> {
  const rows = async (name: string, ...args: string[]) =>
    (await program(name, args)).stdout
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([first]) => first !== "");
  const table = await rows("losetup", "--list", "--noheadings", "--raw", "--output", "NAME,BACK-FILE");
  const disks = table.filter(([, file]) => file?.startsWith(dataDir)).map(([name]) => name);
  const parts = table.filter(([, file]) => disks.includes(file)).map(([name]) => name);
  const groups = (await rows("pvs", "--noheadings", "--options", "pv_name,vg_name"))
    .filter(([disk]) => disks.includes(disk))
    .map(([, group]) => group);
  const volumes = await rows("lvs", "--noheadings", "--options", "vg_name,lv_name");
  const links = (await rows("ip", "-details", "-oneline", "link")).map((words) => words.join(" "));
  const tables = (await rows("nft", "list", "tables")).map((words) => words.join(" "));
  return {
    guests: (await processesOf(dataDir)).filter((line) => line.startsWith("qemu-system")),
    taps: links.filter((line) => line.includes(`micronova:${cloudId}:port:`)),
    bridges: links.filter((line) => line.includes(`micronova:${cloudId}:network:`)),
    ruleTables: tables.filter((line) => line.endsWith(`_${cloudId.slice(0, 8)}`)),
    loops: [...disks, ...parts].map(String),
    logicalVolumes: volumes.filter(([group]) => groups.includes(group)).map((words) => words.join("/")),
  };
}

/** The process of a server's guest. */
export async function guestPid(serverId: string): Promise<number | null> {
  const { stdout } = await program("ps", ["-eo", "pid,args"]);
  const line = stdout.split("\n").find((text) => / qemu-system\S* /.test(text) && text.includes(serverId));
  return line === undefined ? null : Number.parseInt(line, 10);
}
