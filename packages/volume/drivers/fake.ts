// Volumes that exist only as entries of a table, for tests and for clouds without storage. Keeps the contract
// of the real drivers, bytes included: what is written to a volume can be read back, and a new volume reads
// as zeros.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Uuid } from "@micronova/kit";
import type { LocalVolumeDriver } from "./driver.ts";
import { volumeDriverErrors } from "./errors.ts";
import { lane } from "./lane.ts";

export interface FakeVolumeOptions {
  readonly totalGb?: number;
  /** A file that outlives the process, so that a killed worker finds its volumes again. */
  readonly path?: string;
}

export interface FakeVolumeDriver extends LocalVolumeDriver {
  /** Remembers bytes at an offset, as a guest would. */
  write(volumeId: Uuid, offset: number, bytes: Uint8Array): Promise<void>;
  read(volumeId: Uuid, offset: number, size: number): Uint8Array;
  /** Who may reach the volume. */
  exports(volumeId: Uuid): readonly string[];
}

interface FakeVolume {
  sizeGb: number;
  /** Only the bytes that are not zero, by offset. */
  readonly bytes: Map<number, number>;
}

const defaultTotalGb = 1000;

export function fakeVolumeDriver(options: FakeVolumeOptions = {}): FakeVolumeDriver {
  const totalGb = options.totalGb ?? defaultTotalGb;
  const saving = lane();
  const exported = new Map<Uuid, Set<string>>();
  let volumes = new Map<Uuid, FakeVolume>();
  const save = () =>
    options.path === undefined ? Promise.resolve() : saving(() => writeVolumes(options.path!, volumes));
  const freeGb = () => totalGb - [...volumes.values()].reduce((sum, { sizeGb }) => sum + sizeGb, 0);
  const known = (volumeId: Uuid) => {
    const volume = volumes.get(volumeId);
    if (volume === undefined) throw volumeDriverErrors.unknownVolume(volumeId, "fake");
    return volume;
  };
  const take = (wantedGb: number) => {
    if (wantedGb > freeGb()) throw volumeDriverErrors.noSpace("fake", wantedGb, freeGb());
  };
  return {
    name: "fake",
    // The volumes of fake hosts are all in one process.
    isShared: true,
    async start() {
      if (options.path !== undefined) volumes = await readVolumes(options.path);
    },
    async stop() {},
    async dispose() {
      volumes.clear();
      if (options.path !== undefined) await rm(options.path, { force: true });
    },
    capacity: async () => ({ totalGb, freeGb: freeGb(), mode: "memory" }),
    list: async () => [...volumes].map(([volumeId, { sizeGb }]) => ({ volumeId, sizeGb })),
    async create({ volumeId, sizeGb }) {
      const existing = volumes.get(volumeId);
      if (existing === undefined) take(sizeGb);
      else if (existing.sizeGb !== sizeGb)
        throw volumeDriverErrors.sizeDiffers(volumeId, existing.sizeGb, sizeGb);
      if (existing === undefined) volumes.set(volumeId, { sizeGb, bytes: new Map() });
      await save();
    },
    async delete(volumeId) {
      volumes.delete(volumeId);
      await save();
    },
    async extend(volumeId, sizeGb) {
      const volume = known(volumeId);
      if (sizeGb < volume.sizeGb) throw volumeDriverErrors.cannotShrink(volumeId, volume.sizeGb, sizeGb);
      take(sizeGb - volume.sizeGb);
      volume.sizeGb = sizeGb;
      await save();
    },
    async export(volumeId, { host }) {
      known(volumeId);
      exported.set(volumeId, (exported.get(volumeId) ?? new Set()).add(host));
      return { kind: "path", volumeId, path: `fake:///${volumeId}`, format: "raw" };
    },
    async unexport(volumeId, { host }) {
      exported.get(volumeId)?.delete(host);
    },
    exports: (volumeId) => [...(exported.get(volumeId) ?? [])],
    async write(volumeId, offset, bytes) {
      const volume = known(volumeId);
      bytes.forEach((byte, at) => {
        volume.bytes.set(offset + at, byte);
      });
      await save();
    },
    read(volumeId, offset, size) {
      const volume = known(volumeId);
      return Uint8Array.from({ length: size }, (_, at) => volume.bytes.get(offset + at) ?? 0);
    },
  };
}

type SavedVolume = { readonly volumeId: Uuid; readonly sizeGb: number; readonly bytes: [number, number][] };

async function readVolumes(path: string): Promise<Map<Uuid, FakeVolume>> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "[]";
    throw error;
  });
  // Written by `writeVolumes` alone.
  const saved = JSON.parse(text) as readonly SavedVolume[];
  return new Map(saved.map(({ volumeId, sizeGb, bytes }) => [volumeId, { sizeGb, bytes: new Map(bytes) }]));
}

/**
 * The new state is complete beside the old one before it takes its place, so a kill leaves one or the
 * other.
 */
async function writeVolumes(path: string, volumes: ReadonlyMap<Uuid, FakeVolume>): Promise<void> {
  const saved = [...volumes].map(([volumeId, { sizeGb, bytes }]) => ({
    volumeId,
    sizeGb,
    bytes: [...bytes],
  }));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(saved));
  await rename(`${path}.new`, path);
}
