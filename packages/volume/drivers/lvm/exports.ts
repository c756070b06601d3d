// What guests open where there is no device mapper: for each volume in use a loop device of its own, over
// exactly its bytes. A QEMU that was given the physical volume could read every tenant's volumes. The
// kernel's table of loop devices is the truth; a link with the volume's name keeps the path the same, and
// says that the export is wanted: it comes after its device and goes before it.
import { mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Uuid } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import type { ByteRange } from "../image-bytes.ts";
import { attachLoop, detachLoop, type Loop, loopsOver } from "./loops.ts";

/** Callers see to it that no two calls overlap. */
export interface Exports {
  /** The path of the volume's own device, which is made when it has none. */
  open(volumeId: Uuid, range: ByteRange): Promise<string>;
  /** Absent is success. The range is null when the volume is gone. */
  close(volumeId: Uuid, range: ByteRange | null): Promise<void>;
  /** Closes, and insists: the bytes are about to become another volume's. */
  end(volumeId: Uuid, range: ByteRange): Promise<void>;
  /** Attaches again what was exported before the machine restarted; what has no name any more goes. */
  restore(volumes: ReadonlyMap<Uuid, ByteRange>): Promise<void>;
}

// A process that was told to end, or udev looking at a device, lets go within moments.
const releaseMs = 5_000;
const releasePollMs = 50;

export function exportsIn({
  stateDir,
  clock,
}: {
  readonly stateDir: string;
  readonly clock: Clock;
}): Exports {
  const folder = join(stateDir, "exports");
  const linkOf = (volumeId: Uuid) => join(folder, volumeId);

  async function open(volumeId: Uuid, range: ByteRange): Promise<string> {
    const existing = (await loopsOf(range)).find(({ isGoing }) => !isGoing);
    const device = existing?.device ?? (await attachLoop(range.path, range));
    const link = linkOf(volumeId);
    if ((await targetOf(link)) !== device) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rm(`${link}.new`, { force: true });
      await symlink(device, `${link}.new`);
      await rename(`${link}.new`, link);
    }
    return link;
  }

  async function close(volumeId: Uuid, range: ByteRange | null): Promise<void> {
    await rm(linkOf(volumeId), { force: true });
    for (const { device } of range === null ? [] : await loopsOf(range)) await detachLoop(device);
  }

  return {
    open,
    close,
    async end(volumeId, range) {
      await close(volumeId, range);
      const until = clock.monotonic() + releaseMs;
      while ((await loopsOf(range)).length > 0) {
        if (clock.monotonic() > until) throw volumeDriverErrors.stillOpen(volumeId);
        await clock.sleep(releasePollMs);
      }
    },
    async restore(volumes) {
      const names = new Set(await namesIn(folder));
      for (const name of names) if (!volumes.has(name)) await rm(join(folder, name), { force: true });
      for (const [volumeId, range] of volumes) {
        if (names.has(volumeId)) await open(volumeId, range);
        else await close(volumeId, range);
      }
    },
  };
}

async function loopsOf(range: ByteRange): Promise<readonly Loop[]> {
  const loops = await loopsOver(range.path);
  return loops.filter(({ offset, size }) => offset === range.offset && size === range.size);
}

async function targetOf(link: string): Promise<string | null> {
  return readlink(link).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}
