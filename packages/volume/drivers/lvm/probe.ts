// What the host can do with LVM, found out by trying.
import { access } from "node:fs/promises";
import { isFault, run } from "@micronova/kit";

/** Why LVM cannot be used by this process here, in words for the operator; null when it can. */
export async function lvmUnavailable(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "LVM needs root";
  for (const program of ["lvm", "losetup", "blkdiscard", "setpriv", "qemu-img"]) {
    if (!(await works(program, ["--version"]))) return `the program ${program} does not run`;
  }
  return (await exists("/dev/loop-control")) ? null : "the kernel has no loop devices";
}

/** Whether logical volumes become devices: the control node is there and the kernel answers. */
export async function hasDeviceMapper(): Promise<boolean> {
  return (await exists("/dev/mapper/control")) && (await works("dmsetup", ["version"]));
}

export function hasUdev(): Promise<boolean> {
  return exists("/run/udev/control");
}

async function works(program: string, args: readonly string[]): Promise<boolean> {
  // `lvm --version` is spelled `lvm version`, and complains of a missing device mapper only on standard
  // error.
  const spelled = program === "lvm" ? ["version"] : args;
  try {
    await run(program, spelled);
    return true;
  } catch (error) {
    if (isFault(error)) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
