// Making a volume larger, in place when the space behind it is free, else by moving it. Each step leaves names and tags
// from which the next start, or the next try, knows how far it came; no step destroys the only copy.
import type { Uuid } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import { bytesPerGb, copyRange } from "../image-bytes.ts";
import { type LogicalVolume, placeOf } from "./group.ts";
import {
  expect,
  find,
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
  const volume = await pool.lane(() => growInPlace(pool, volumeId, sizeGb));
  if (volume === null) return growByCopy(pool, volumeId, sizeGb);
  const from = unwrittenFrom(volume);
  if (from === null) return;
  const range = await pool.group.rangeOf(volume);
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
  const [grown, replaced] = await pool.lane(async () => {
    const copy = await find(pool, grownName(volumeId));
    const original = await find(pool, nameOf(volumeId));
    const isComplete = copy !== null && unwrittenFrom(copy) === null && original === null;
    if (isComplete) await pool.group.rename(copy.name, nameOf(volumeId));
    return [isComplete ? null : copy, await find(pool, replacedName(volumeId))];
  });
  if (grown !== null) await wipe(pool, grown);
  if (replaced !== null) await wipe(pool, replaced);
}

/** The volume at its new size, its new bytes marked; null when its neighbour is in the way. */
async function growInPlace(pool: Pool, volumeId: Uuid, sizeGb: number): Promise<LogicalVolume | null> {
  const name = nameOf(volumeId);
  const before = await expect(pool, name, volumeId);
  const missing = sizeGb * bytesPerGb - before.size;
  if (missing < 0) throw volumeDriverErrors.cannotShrink(volumeId, before.size / bytesPerGb, sizeGb);
  if (missing === 0) return before;
  if (!(await hasRoomBehind(pool, before, missing))) return null;
  if (unwrittenFrom(before) === null) await pool.group.tag(name, { add: unwrittenTag(before.size) });
  await pool.group.grow(name, sizeGb * bytesPerGb);
  return expect(pool, name, volumeId);
}

async function hasRoomBehind(pool: Pool, volume: LogicalVolume, missing: number): Promise<boolean> {
  if (pool.group.mode === "device-mapper") {
    await requireRoom(pool, missing / bytesPerGb);
    return true;
  }
  const { device, lastExtent } = placeOf(volume);
  const behind = (await pool.group.freePieces()).find(
    (piece) => piece.device === device && piece.firstExtent === lastExtent + 1,
  );
  return behind !== undefined && behind.size >= missing;
}

/** Without the device mapper a volume is one range: when its neighbour is in the way it moves to a larger place. */
async function growByCopy(pool: Pool, volumeId: Uuid, sizeGb: number): Promise<void> {
  const [name, grown, replaced] = [nameOf(volumeId), grownName(volumeId), replacedName(volumeId)];
  const [from, to] = await pool.lane(async () => {
    await requireRoom(pool, sizeGb);
    await pool.group.create(grown, sizeGb * bytesPerGb, [pool.owner, unwrittenTag(0)]);
    return [await expect(pool, name, volumeId), await expect(pool, grown, volumeId)] as const;
  });
  const target = await pool.group.rangeOf(to);
  await pool.group.zero(target);
  await copyRange(await pool.group.rangeOf(from), target);
  await markWritten(pool, to);
  await pool.lane(async () => {
    await pool.group.rename(name, replaced);
    await pool.group.rename(grown, name);
  });
  await settle(pool, volumeId);
}
