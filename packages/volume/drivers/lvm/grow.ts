// Making a volume larger, in place when the space behind it is free, else by moving it. Each step leaves
// names and tags from which the next start, or the next try, knows how far it came; no step destroys the only
// copy.
import type { Uuid } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import { bytesPerGb, copyRange } from "../image-bytes.ts";
import { type Layout, type LogicalVolume, pieceOf } from "./group.ts";
import {
  endExport,
  expect,
  findIn,
  grownName,
  markWritten,
  nameOf,
  ours,
  type Pool,
  replacedName,
  requireRoom,
  unwrittenFrom,
  unwrittenTag,
  wipe,
} from "./pool.ts";

export async function extend(pool: Pool, volumeId: Uuid, sizeGb: number): Promise<void> {
  await settle(pool, volumeId);
  // An export has the size it was made with. Volumes in use do not grow; the next use exports it anew.
  const before = await pool.lane(() => expect(pool, nameOf(volumeId), volumeId));
  if (before.size < sizeGb * bytesPerGb) await endExport(pool, volumeId, before);
  const volume = await pool.lane(() => growInPlace(pool, volumeId, sizeGb));
  if (volume === null) return growByCopy(pool, volumeId, sizeGb);
  const from = unwrittenFrom(volume);
  if (from === null) return;
  const range = pool.group.rangeOf(volume);
  await pool.group.zero({ ...range, offset: range.offset + from, size: range.size - from });
  await markWritten(pool, volume);
}

/** Ends what a crash cut short between two names of one volume. */
export async function tidy(pool: Pool): Promise<void> {
  const names = (await pool.lane(() => ours(pool))).map(({ name }) => name);
  const ids = names.flatMap((name) => /^(?:grown|replaced)-(.+)$/.exec(name)?.[1] ?? []);
  for (const volumeId of new Set(ids)) await settle(pool, volumeId);
}

/** A finished copy whose original has already been renamed takes its place; any other copy is begun anew. */
async function settle(pool: Pool, volumeId: Uuid): Promise<void> {
  const leftovers = await pool.lane(async () => {
    const layout = await pool.group.layout();
    const copy = findIn(pool, layout, grownName(volumeId));
    const replaced = findIn(pool, layout, replacedName(volumeId));
    const original = findIn(pool, layout, nameOf(volumeId));
    if (copy === null || unwrittenFrom(copy) !== null || original !== null) return [copy, replaced];
    await pool.group.rename(copy.name, nameOf(volumeId));
    return [replaced];
  });
  for (const volume of leftovers) if (volume !== null) await wipe(pool, volume);
}

/** The volume at its new size, its new bytes marked; null when its neighbour is in the way. */
async function growInPlace(pool: Pool, volumeId: Uuid, sizeGb: number): Promise<LogicalVolume | null> {
  const name = nameOf(volumeId);
  const layout = await pool.group.layout();
  const before = findIn(pool, layout, name);
  if (before === null) throw volumeDriverErrors.unknownVolume(volumeId, pool.group.name);
  const missing = sizeGb * bytesPerGb - before.size;
  if (missing < 0) throw volumeDriverErrors.cannotShrink(volumeId, before.size / bytesPerGb, sizeGb);
  if (missing === 0) return before;
  if (!hasRoomBehind(pool, layout, before, missing)) return null;
  if (unwrittenFrom(before) === null) await pool.group.tag(name, { add: unwrittenTag(before.size) });
  await pool.group.grow(name, sizeGb * bytesPerGb);
  return expect(pool, name, volumeId);
}

function hasRoomBehind(pool: Pool, layout: Layout, volume: LogicalVolume, missing: number): boolean {
  if (pool.group.mode === "device-mapper") {
    requireRoom(pool, layout, missing);
    return true;
  }
  const { device, offset, size } = pieceOf(volume);
  const behind = layout.free.find((piece) => piece.device === device && piece.offset === offset + size);
  return behind !== undefined && behind.size >= missing;
}

/**
 * Without the device mapper a volume is one range: when its neighbour is in the way it moves to a larger
 * place.
 */
async function growByCopy(pool: Pool, volumeId: Uuid, sizeGb: number): Promise<void> {
  const [name, grown, replaced] = [nameOf(volumeId), grownName(volumeId), replacedName(volumeId)];
  const [from, to] = await pool.lane(async () => {
    requireRoom(pool, await pool.group.layout(), sizeGb * bytesPerGb);
    await pool.group.create(grown, sizeGb * bytesPerGb, [pool.owner, unwrittenTag(0)]);
    return [await expect(pool, name, volumeId), await expect(pool, grown, volumeId)] as const;
  });
  const target = pool.group.rangeOf(to);
  await pool.group.zero(target);
  await copyRange(pool.group.rangeOf(from), target);
  await markWritten(pool, to);
  await pool.lane(async () => {
    await pool.group.rename(name, replaced);
    await pool.group.rename(grown, name);
  });
  await settle(pool, volumeId);
}
