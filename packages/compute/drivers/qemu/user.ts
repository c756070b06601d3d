// Whom guests run as. Started by root, QEMU opens what the server has and then becomes this user; what is
// plugged in later it opens as that user, who is therefore made the owner of the volumes of its servers.
import { access, chmod, chown, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { driverErrors } from "../errors.ts";

export interface GuestUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

// The user made for this, else the one that owns nothing.
const defaultNames = ["micronova", "nobody"];
const tunDevice = "/dev/net/tun";
// What udev makes of the device on every Debian; the right to use a tap is checked apart from it.
const tunMode = 0o666;
const othersPass = 0o001;

/** Null when this process is not root: guests then run as whoever it is. */
export async function guestUser(name?: string): Promise<GuestUser | null> {
  if (process.getuid?.() !== 0) return null;
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const wanted of name === undefined ? defaultNames : [name]) {
    const fields = lines.find(([user]) => user === wanted);
    if (fields !== undefined) return { name: wanted, uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error(`there is no user ${name ?? defaultNames.join(" or ")} for guests to run as`);
}

/** Lets the user open the file or block device, or says which path stands in the way. */
export async function letOpen(user: GuestUser | null, path: string): Promise<void> {
  if (user === null) return access(path);
  await chown(path, user.uid, user.gid);
  for (let folder = dirname(path); folder !== "/"; folder = dirname(folder)) {
    const { mode, uid } = await stat(folder);
    if ((mode & othersPass) === 0 && uid !== user.uid) throw driverErrors.unreachable(user.name, path);
  }
}

/** A tap that appears while the guest runs is opened by the guest's user. */
export async function letOpenTaps(user: GuestUser | null): Promise<void> {
  if (user === null) return;
  const { mode } = await stat(tunDevice);
  if ((mode & tunMode) !== tunMode) await chmod(tunDevice, tunMode);
}
