// Volumes as sparse raw files in one directory: needs neither root nor LVM. A file appears under its final
// name only when it is complete, so a name that exists is a finished volume.
import { mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Uuid } from "@micronova/kit";
import type { LocalVolumeDriver, PoolCapacity, VolumeInfo, VolumeSource, VolumeSpec } from "./driver.ts";
import { volumeDriverErrors } from "./errors.ts";
import { bytesPerGb, copyImage } from "./image-bytes.ts";

export interface FileVolumeOptions {
  /** Holds the volumes and nothing else. */
  readonly dir: string;
}

const volumeName = /^volume-([0-9a-f-]{36})$/;

export function fileVolumeDriver({ dir }: FileVolumeOptions): LocalVolumeDriver {
  const pathOf = (volumeId: Uuid) => join(dir, `volume-${volumeId}`);
  const sizeGbOf = async (volumeId: Uuid) => {
    const bytes = await sizeOf(pathOf(volumeId));
    if (bytes === null) throw volumeDriverErrors.unknownVolume(volumeId, dir);
    return bytes / bytesPerGb;
  };
  return {
    name: "file",
    async start() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
    },
    async stop() {},
    async dispose() {
      await rm(dir, { recursive: true, force: true });
    },
    capacity: () => capacity(dir),
    list: () => list(dir),
    create: (volume, source) => create(pathOf(volume.volumeId), volume, source),
    async delete(volumeId) {
      await rm(`${pathOf(volumeId)}.part`, { force: true });
      await rm(pathOf(volumeId), { force: true });
    },
    async extend(volumeId, sizeGb) {
      const hasGb = await sizeGbOf(volumeId);
      if (sizeGb < hasGb) throw volumeDriverErrors.cannotShrink(volumeId, hasGb, sizeGb);
      await makeSize(pathOf(volumeId), sizeGb);
    },
    async export(volumeId) {
      await sizeGbOf(volumeId);
      return { kind: "path", volumeId, path: pathOf(volumeId), format: "raw" };
    },
    async unexport() {},
  };
}

async function create(path: string, volume: VolumeSpec, source: VolumeSource): Promise<void> {
  const existing = await sizeOf(path);
  if (existing !== null) {
    if (existing === volume.sizeGb * bytesPerGb) return;
    throw volumeDriverErrors.sizeDiffers(volume.volumeId, existing / bytesPerGb, volume.sizeGb);
  }
  const part = `${path}.part`;
  // What an interrupted try left may hold half an image.
  await rm(part, { force: true });
  await makeSize(part, volume.sizeGb);
  if (source.kind === "image") {
    await copyImage(source, { path: part, isDevice: false, offset: 0, size: volume.sizeGb * bytesPerGb });
  }
  await rename(part, path);
}

/** Makes the file, or grows it; the new bytes read as zeros and take no space. */
async function makeSize(path: string, sizeGb: number): Promise<void> {
  await using file = await open(path, "a", 0o600);
  await file.truncate(sizeGb * bytesPerGb);
}

async function capacity(dir: string): Promise<PoolCapacity> {
  const { bsize, blocks, bavail } = await statfs(dir);
  const gb = (count: number) => Math.floor((count * bsize) / bytesPerGb);
  return { totalGb: gb(blocks), freeGb: gb(bavail), mode: "files" };
}

async function list(dir: string): Promise<readonly VolumeInfo[]> {
  const ids = (await readdir(dir)).flatMap((name) => volumeName.exec(name)?.[1] ?? []);
  const found = await Promise.all(
    ids.map(async (volumeId) => ({ volumeId, bytes: await sizeOf(join(dir, `volume-${volumeId}`)) })),
  );
  return found.flatMap(({ volumeId, bytes }) =>
    bytes === null ? [] : [{ volumeId, sizeGb: bytes / bytesPerGb }],
  );
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
