// A volume group of the cloud's own, on a sparse file behind a loop device, for hosts whose operator has made
// none. The file gets its final name only when the group is in it: a file with that name always holds the
// volumes, and is never formatted again.
import { createHash } from "node:crypto";
import { access, mkdir, open, rename, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { isFault, processErrors, run } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import { type LvmCommands, lvmCommands } from "./commands.ts";

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
  /** A name of the device that stays the same when the host restarts. */
  readonly stablePath: string;
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
  return { name, lvm, device, stablePath: await nameDevice(options.stateDir, device) };
}

/** Removes group, loop device and file; absent is success. */
export async function removeOwnGroup(options: OwnGroupOptions): Promise<void> {
  const { file, name, link } = whereIs(options.stateDir);
  for (const path of [file, `${file}.new`]) {
    for (const device of await attachedTo(path)) {
      const lvm = lvmCommands({ ...options, onlyDevice: device });
      const groups = await lvm.report("vgs", ["vg_name"]);
      if (groups.some((group) => group["vg_name"] === name)) {
        await lvm.change("vgremove", ["--yes", "--force", name]);
      }
      await detach(device);
    }
    await rm(path, { force: true });
  }
  await rm(link, { force: true });
}

function whereIs(stateDir: string): { readonly file: string; readonly name: string; readonly link: string } {
  return {
    file: join(stateDir, "volumes.img"),
    name: cloudName(stateDir),
    link: join(stateDir, "volumes.device"),
  };
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
  for (const device of await attachedTo(unfinished)) await detach(device);
  await rm(unfinished, { force: true });
  {
    await using made = await open(unfinished, "wx", 0o600);
    await made.truncate(fileSize(options.sizeGb));
  }
  const lvm = lvmCommands({ ...options, onlyDevice: await attach(unfinished) });
  await lvm.change("vgcreate", ["--yes", "--addtag", name, name, ...(await attachedTo(unfinished))]);
  await rename(unfinished, file);
}

/**
 * The file's loop device: the one it has, or a new one. A file behind two devices would soon be two volume
 * groups.
 */
async function attach(file: string): Promise<string> {
  const [attached] = await attachedTo(file);
  if (attached !== undefined) return attached;
  const how = ["--find", "--show", "--nooverlap"];
  try {
    return (await run("losetup", [...how, "--direct-io=on", file])).stdout.trim();
  } catch (error) {
    // Some file systems cannot bypass the page cache; it then holds the data twice, which is slower but
    // right.
    if (!isFault(error, processErrors.failed)) throw error;
    return (await run("losetup", [...how, file])).stdout.trim();
  }
}

async function attachedTo(file: string): Promise<readonly string[]> {
  const { stdout } = await run("losetup", ["--associated", file, "--noheadings", "--output", "NAME"]);
  return stdout.split("\n").flatMap((line) => line.trim() || []);
}

async function detach(device: string): Promise<void> {
  await run("losetup", ["--detach", device]);
}

/** Loop devices are numbered anew after a restart, but guests' disks are remembered by path. */
async function nameDevice(stateDir: string, device: string): Promise<string> {
  const { link } = whereIs(stateDir);
  await rm(`${link}.new`, { force: true });
  await symlink(device, `${link}.new`);
  await rename(`${link}.new`, link);
  return link;
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
