// Names of a server's disks as the API shows them: `/dev/vda` is the root, the next free letters follow.
import { errors } from "./errors.ts";

/** QEMU's q35 machine has so many root ports for disks. */
export const disksMax = 26;

const letters = "abcdefghijklmnopqrstuvwxyz";
export const rootDevice = "/dev/vda";

/** `wanted` if it is free, else the first name that is. */
export function nextDevice(taken: readonly (string | null)[], wanted: string | null): string {
  const used = new Set(taken);
  if (wanted !== null && used.has(wanted)) throw errors.deviceInUse(wanted);
  // A guest with virtio disks sees `vdX` whatever the caller would like to call it.
  if (wanted?.startsWith("/dev/vd")) return wanted;
  const free = [...letters].map((letter) => `/dev/vd${letter}`).find((name) => !used.has(name));
  if (free === undefined) throw errors.tooManyDisks(disksMax);
  return free;
}
