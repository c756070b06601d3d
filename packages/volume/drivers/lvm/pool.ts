// What a pool's methods share: how its logical volumes are named and tagged, and finding, wiping and
// finishing them.
import type { Uuid } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import { bytesPerGb } from "../image-bytes.ts";
import type { Lane } from "../lane.ts";
import type { Exports } from "./exports.ts";
import type { Layout, LogicalVolume, VolumeGroup } from "./group.ts";

export interface Pool {
  readonly group: VolumeGroup;
  /** Used within the lane; empty with the device mapper, which has devices of its own. */
  readonly exports: Exports;
  /** LVM's metadata is changed by one command at a time; bytes are moved outside the lane. */
  readonly lane: Lane;
  /** The tag on everything that belongs to this cloud. */
  readonly owner: string;
}

export const nameOf = (volumeId: Uuid) => `volume-${volumeId}`;
/** The larger copy of a volume that had no room to grow where it was. */
export const grownName = (volumeId: Uuid) => `grown-${volumeId}`;
/** What the copy replaced, to be wiped. */
export const replacedName = (volumeId: Uuid) => `replaced-${volumeId}`;

/** The id in a volume's name; null for copies and what they replaced. */
export function idIn(name: string): Uuid | null {
  return /^volume-([0-9a-f-]{36})$/.exec(name)?.[1] ?? null;
}

const unwrittenPrefix = "unwritten=";

/** Says of a volume that its bytes from here on are not yet what they should be. */
export function unwrittenTag(from: number): string {
  return `${unwrittenPrefix}${from}`;
}

export function unwrittenFrom(volume: LogicalVolume): number | null {
  const tag = volume.tags.find((each) => each.startsWith(unwrittenPrefix));
  return tag === undefined ? null : Number(tag.slice(unwrittenPrefix.length));
}

export async function markWritten(pool: Pool, volume: LogicalVolume): Promise<void> {
  const from = unwrittenFrom(volume);
  if (from === null) return;
  await pool.lane(() => pool.group.tag(volume.name, { remove: unwrittenTag(from) }));
}

/** This cloud's logical volumes. Called within the lane. */
export async function ours(pool: Pool): Promise<readonly LogicalVolume[]> {
  return (await pool.group.layout()).volumes.filter((volume) => volume.tags.includes(pool.owner));
}

/** Called within the lane. */
async function find(pool: Pool, name: string): Promise<LogicalVolume | null> {
  return findIn(pool, await pool.group.layout(), name);
}

/** A volume of that name which is not this cloud's is never touched. */
export function findIn(pool: Pool, layout: Layout, name: string): LogicalVolume | null {
  const volume = layout.volumes.find((each) => each.name === name);
  if (volume === undefined) return null;
  if (!volume.tags.includes(pool.owner)) throw volumeDriverErrors.notOurs(name, pool.group.name);
  return volume;
}

/** Called within the lane. */
export async function expect(pool: Pool, name: string, volumeId: Uuid): Promise<LogicalVolume> {
  const volume = await find(pool, name);
  if (volume === null) throw volumeDriverErrors.unknownVolume(volumeId, pool.group.name);
  return volume;
}

/** Nobody reaches the volume's bytes through an export any more. */
export async function endExport(pool: Pool, volumeId: Uuid, volume: LogicalVolume): Promise<void> {
  if (pool.group.mode === "device-mapper") return;
  await pool.lane(() => pool.exports.end(volumeId, pool.group.backingOf(volume)));
}

/** Zeroes the bytes, then gives back the space. */
export async function wipe(pool: Pool, volume: LogicalVolume): Promise<void> {
  await pool.group.zero(pool.group.rangeOf(volume));
  await pool.lane(async () => {
    if ((await find(pool, volume.name)) !== null) await pool.group.remove(volume.name);
  });
}

/** Without the device mapper all of the room must be in one piece. */
export function requireRoom(pool: Pool, { free }: Layout, size: number): void {
  const sizes = free.map((piece) => piece.size);
  const room = pool.group.mode === "device-mapper" ? sizes.reduce((a, b) => a + b, 0) : Math.max(0, ...sizes);
  if (room >= size) return;
  throw volumeDriverErrors.noSpace(pool.group.name, size / bytesPerGb, Math.floor(room / bytesPerGb));
}
