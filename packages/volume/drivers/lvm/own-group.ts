// A volume group of the cloud's own, on a sparse file behind a loop device, for hosts whose operator has made
// none. The file gets its final name only when the group is in it: a file with that name always holds the
// volumes, and is never formatted again.
import { createHash } from "node:crypto";
import { access, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import { type LvmCommands, lvmCommands } from "./commands.ts";
import { attachLoop, detachLoop, type Loop, loopsOver } from "./loops.ts";

export interface OwnGroupOptions {
  readonly stateDir: string;
  readonly sizeGb: number;
  readonly hasMapper: boolean;
  readonly hasUdev: boolean;
}

export interface OwnGroup {
  readonly name: string;
  readonly lvm: LvmCommands;
  /** The loop device now, such as `/dev/loop0`. */
  readonly device: string;
  /** What is behind it, byte for byte. */
  readonly file: string;
}

const bytesPerMb = 1024 ** 2;
// LVM's own data: one MiB in front, and less than one extent of 4 MiB lost at the end.
const overheadMb = 8;

/** Names what belongs to the cloud that lives in `stateDir`: its volume group and the tags on its volumes. */
export function cloudName(stateDir: string): string {
  return `micronova-${createHash("sha256").update(stateDir).digest("hex").slice(0, 8)}`;
}

/**
 * Finds the group, attaching its file when needed, or makes it. Safe to repeat after being killed
 * anywhere.
 */
export async function openOwnGroup(options: OwnGroupOptions): Promise<OwnGroup> {
  const { file, name } = whereIs(options.stateDir);
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  if (!(await exists(file))) await makeGroup(options);
  const device = await attach(file);
  const lvm = lvmCommands({ ...options, onlyDevice: device });
  await grow(options, { file, device, lvm });
  const groups = await lvm.report("vgs", ["vg_name"]);
  if (!groups.some((group) => group["vg_name"] === name)) throw volumeDriverErrors.poolDamaged(file, name);
  return { name, lvm, device, file };
}

/** Removes group, loop device and file; absent is success. */
export async function removeOwnGroup(options: OwnGroupOptions): Promise<void> {
  const { file, name } = whereIs(options.stateDir);
  for (const path of [file, `${file}.new`]) {
    const loops = await loopsOver(path);
    for (const { device } of loops.filter((loop) => !isWhole(loop))) await detachLoop(device);
    for (const { device } of loops.filter(isWhole)) {
      const lvm = lvmCommands({ ...options, onlyDevice: device });
      const groups = await lvm.report("vgs", ["vg_name"]);
      if (groups.some((group) => group["vg_name"] === name)) {
        await lvm.change("vgremove", ["--yes", "--force", name]);
      }
      await detachLoop(device);
    }
    await rm(path, { force: true });
  }
}

function whereIs(stateDir: string): { readonly file: string; readonly name: string } {
  return { file: join(stateDir, "volumes.img"), name: cloudName(stateDir) };
}

/** A larger size than the group was made with takes effect at the next start; a smaller one does not. */
async function grow(
  options: OwnGroupOptions,
  { file, device, lvm }: { readonly file: string; readonly device: string; readonly lvm: LvmCommands },
): Promise<void> {
  const wanted = fileSize(options.sizeGb);
  const { size } = await stat(file);
  if (size < wanted) {
    await using opened = await open(file, "r+");
    await opened.truncate(wanted);
    await run("losetup", ["--set-capacity", device]);
  }
  // Also when only the file had grown before the process died.
  const [row] = await lvm.report("pvs", ["dev_size", "pv_size"]);
  const unused = Number(row?.["dev_size"]) - Number(row?.["pv_size"]);
  if (unused > overheadMb * bytesPerMb) await lvm.change("pvresize", [device]);
}

function fileSize(sizeGb: number): number {
  return (sizeGb * 1024 + overheadMb) * bytesPerMb;
}

async function makeGroup(options: OwnGroupOptions): Promise<void> {
  const { file, name } = whereIs(options.stateDir);
  const unfinished = `${file}.new`;
  for (const { device } of await loopsOver(unfinished)) await detachLoop(device);
  await rm(unfinished, { force: true });
  {
    await using made = await open(unfinished, "wx", 0o600);
    await made.truncate(fileSize(options.sizeGb));
  }
  const device = await attachLoop(unfinished);
  const lvm = lvmCommands({ ...options, onlyDevice: device });
  await lvm.change("vgcreate", ["--yes", "--addtag", name, name, device]);
  await rename(unfinished, file);
}

/**
 * The loop device over all of the file: the one it has, or a new one. A file behind two of them would soon be
 * two volume groups.
 */
async function attach(file: string): Promise<string> {
  const attached = (await loopsOver(file)).find(isWhole);
  return attached?.device ?? attachLoop(file);
}

/** The volume group's own, where the others are exports of volumes. */
function isWhole({ offset, size }: Loop): boolean {
  return offset === 0 && size === 0;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
