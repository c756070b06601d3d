// Volumes as logical volumes. A volume that is being filled carries a tag saying from which byte on it is not
// yet what it should be; so after a crash every method knows how far the last one came, and nobody sees
// another tenant's old bytes.
import { statfs } from "node:fs/promises";
import type { Platform, Uuid } from "@micronova/kit";
import type { LocalVolumeDriver, PathConnection, PoolCapacity, VolumeSource, VolumeSpec } from "../driver.ts";
import { volumeDriverErrors } from "../errors.ts";
import { bytesPerGb, copyImage } from "../image-bytes.ts";
import { lane } from "../lane.ts";
import { lvmCommands } from "./commands.ts";
import { exportsIn } from "./exports.ts";
import { type VolumeGroup, volumeGroup } from "./group.ts";
import { extend, tidy } from "./grow.ts";
import { cloudName, openOwnGroup, removeOwnGroup } from "./own-group.ts";
import type { Pool } from "./pool.ts";
import * as pools from "./pool.ts";
import { hasDeviceMapper, hasUdev } from "./probe.ts";

export interface LvmVolumeOptions {
  readonly platform: Platform;
  /** The operator's volume group; without one the driver keeps its own in `stateDir`. */
  readonly volumeGroup?: string;
  readonly stateDir: string;
  /** Size of the driver's own volume group. Its file is sparse: only what is written takes space. */
  readonly sizeGb: number;
}

export function lvmVolumeDriver(options: LvmVolumeOptions): LocalVolumeDriver {
  const { stateDir, platform } = options;
  const label = options.volumeGroup ?? cloudName(stateDir);
  let opened: Pool | null = null;
  const pool = () => {
    if (opened === null) throw volumeDriverErrors.notStarted(label);
    return opened;
  };
  return {
    name: "lvm",
    async start() {
      const fresh = await openPool(options);
      await tidy(fresh);
      await fresh.lane(() => restoreExports(fresh));
      opened = fresh;
      platform.log.info({ volumeGroup: fresh.group.name, mode: fresh.group.mode }, "volume pool ready");
    },
    async stop() {
      // Guests outlive the worker and keep their volumes open, so the loop devices stay.
      opened = null;
    },
    dispose: () => dispose(options),
    capacity: () => capacity(pool(), options),
    async list() {
      const volumes = await pool().lane(() => pools.ours(pool()));
      return volumes.flatMap(({ name, size }) => {
        const volumeId = pools.idIn(name);
        return volumeId === null ? [] : [{ volumeId, sizeGb: size / bytesPerGb }];
      });
    },
    create: (volume, source) => create(pool(), volume, source),
    delete: (volumeId) => remove(pool(), volumeId),
    extend: (volumeId, sizeGb) => extend(pool(), volumeId, sizeGb),
    export: (volumeId) => connection(pool(), volumeId),
    unexport: (volumeId) => disconnect(pool(), volumeId),
  };
}

async function openPool(options: LvmVolumeOptions): Promise<Pool> {
  const { stateDir, platform } = options;
  const group = await openGroup(options);
  const exports = exportsIn({ stateDir, clock: platform.clock });
  return { group, exports, lane: lane(), owner: cloudName(stateDir) };
}

async function openGroup(options: LvmVolumeOptions): Promise<VolumeGroup> {
  const host = { hasMapper: await hasDeviceMapper(), hasUdev: await hasUdev() };
  if (options.volumeGroup === undefined) {
    const own = await openOwnGroup({ ...options, ...host });
    if (host.hasMapper) await own.lvm.change("vgchange", ["-ay", own.name]);
    return volumeGroup({ name: own.name, lvm: own.lvm, backing: own, discardZeroes: true });
  }
  const lvm = lvmCommands(host);
  const groups = await lvm.report("vgs", ["vg_name"]);
  const name = options.volumeGroup;
  if (!groups.some((group) => group["vg_name"] === name)) throw volumeDriverErrors.noVolumeGroup(name);
  return volumeGroup({ name, lvm, discardZeroes: false });
}

/** Our own group goes as a whole; from the operator's only what carries this cloud's tag. */
async function dispose(options: LvmVolumeOptions): Promise<void> {
  const host = { hasMapper: await hasDeviceMapper(), hasUdev: await hasUdev() };
  if (options.volumeGroup === undefined) return removeOwnGroup({ ...options, ...host });
  const pool = await openPool(options);
  for (const volume of await pools.ours(pool)) {
    const volumeId = pools.idIn(volume.name);
    if (volumeId !== null) await pools.endExport(pool, volumeId, volume);
    await pools.wipe(pool, volume);
  }
}

async function capacity(pool: Pool, options: LvmVolumeOptions): Promise<PoolCapacity> {
  const { total, free } = await pool.lane(() => pool.group.size());
  // The driver's own group lies on a sparse file: room that the disk does not have is not offered.
  const disk = options.volumeGroup === undefined ? await freeOnDisk(options.stateDir) : free;
  const gb = (bytes: number) => Math.floor(bytes / bytesPerGb);
  return { totalGb: gb(total), freeGb: gb(Math.min(free, disk)), mode: pool.group.mode };
}

async function freeOnDisk(dir: string): Promise<number> {
  const { bsize, bavail } = await statfs(dir);
  return bsize * bavail;
}

async function create(pool: Pool, { volumeId, sizeGb }: VolumeSpec, source: VolumeSource): Promise<void> {
  const name = pools.nameOf(volumeId);
  const volume = await pool.lane(async () => {
    const layout = await pool.group.layout();
    const existing = pools.findIn(pool, layout, name);
    if (existing !== null) return existing;
    pools.requireRoom(pool, layout, sizeGb * bytesPerGb);
    await pool.group.create(name, sizeGb * bytesPerGb, [pool.owner, pools.unwrittenTag(0)]);
    return pools.expect(pool, name, volumeId);
  });
  if (volume.size !== sizeGb * bytesPerGb) {
    throw volumeDriverErrors.sizeDiffers(volumeId, volume.size / bytesPerGb, sizeGb);
  }
  if (pools.unwrittenFrom(volume) === null) return;
  const range = pool.group.rangeOf(volume);
  await pool.group.zero(range);
  if (source.kind === "image") await copyImage(source, range);
  await pools.markWritten(pool, volume);
}

async function remove(pool: Pool, volumeId: Uuid): Promise<void> {
  const layout = await pool.lane(() => pool.group.layout());
  for (const name of [pools.nameOf(volumeId), pools.grownName(volumeId), pools.replacedName(volumeId)]) {
    const volume = pools.findIn(pool, layout, name);
    if (volume === null) continue;
    await pools.endExport(pool, volumeId, volume);
    await pools.wipe(pool, volume);
  }
}

async function connection(pool: Pool, volumeId: Uuid): Promise<PathConnection> {
  const path = await pool.lane(async () => {
    const volume = await pools.expect(pool, pools.nameOf(volumeId), volumeId);
    if (pool.group.mode === "device-mapper") return pool.group.rangeOf(volume).path;
    return pool.exports.open(volumeId, pool.group.backingOf(volume));
  });
  return { kind: "path", volumeId, path, format: "raw" };
}

async function disconnect(pool: Pool, volumeId: Uuid): Promise<void> {
  if (pool.group.mode === "device-mapper") return;
  await pool.lane(async () => {
    const volume = pools.findIn(pool, await pool.group.layout(), pools.nameOf(volumeId));
    await pool.exports.close(volumeId, volume === null ? null : pool.group.backingOf(volume));
  });
}

/** Called within the lane. */
async function restoreExports(pool: Pool): Promise<void> {
  if (pool.group.mode === "device-mapper") return;
  const ranges = (await pools.ours(pool)).flatMap((volume) => {
    const volumeId = pools.idIn(volume.name);
    return volumeId === null ? [] : [[volumeId, pool.group.backingOf(volume)] as const];
  });
  await pool.exports.restore(new Map(ranges));
}
