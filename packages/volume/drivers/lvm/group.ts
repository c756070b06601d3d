// The logical volumes of one volume group, and the bytes behind them. With the device mapper a volume has a device of its
// own; without it, it is a byte range of the physical volume, which needs it to be in one piece.
import { volumeDriverErrors } from "../errors.ts";
import type { ByteRange } from "../image-bytes.ts";

import { runTied } from "../run-tied.ts";
import type { LvmCommands, ReportRow } from "./commands.ts";

export interface LogicalVolume {
  readonly name: string;
  readonly size: number;
  readonly tags: readonly string[];
  /** Where its extents are, such as `/dev/loop0:0-24`, one entry a piece. */
  readonly pieces: readonly string[];
}

export interface FreePiece {
  readonly device: string;
  readonly firstExtent: number;
  readonly size: number;
}

export interface VolumeGroup {
  readonly name: string;
  readonly mode: "device-mapper" | "offsets";
  size(): Promise<{ readonly total: number; readonly free: number }>;
  volumes(): Promise<readonly LogicalVolume[]>;
  freePieces(): Promise<readonly FreePiece[]>;
  create(name: string, size: number, tags: readonly string[]): Promise<void>;
  /** Grows in place; throws when the space behind the volume is taken. */
  grow(name: string, size: number): Promise<void>;
  rename(name: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  tag(name: string, change: { readonly add?: string; readonly remove?: string }): Promise<void>;
  rangeOf(volume: LogicalVolume): Promise<ByteRange>;
  zero(range: ByteRange): Promise<void>;
}

export interface VolumeGroupOptions {
  readonly name: string;
  readonly lvm: LvmCommands;
  /** Another name for a physical volume, which survives restarts. */
  readonly stablePath?: { readonly device: string; readonly path: string };
  /** Whether discarded bytes read as zeros: so it is with a sparse file, but not with every disk. */
  readonly discardZeroes: boolean;
}

// Zeroing a large volume on a slow disk takes hours; the caller's own deadline is the shorter one.
const zeroTimeoutMs = 6 * 3_600_000;

export function volumeGroup({ name: group, lvm, ...options }: VolumeGroupOptions): VolumeGroup {
  const path = (name: string) => `${group}/${name}`;
  // In one piece and not activated, or as LVM likes it and with a device.
  const layout = lvm.hasMapper ? [] : ["--alloc", "contiguous"];
  const activation = lvm.hasMapper ? ["-ay"] : ["-an"];
  return {
    name: group,
    mode: lvm.hasMapper ? "device-mapper" : "offsets",
    async size() {
      const [row] = await lvm.report("vgs", ["vg_size", "vg_free"], [group]);
      return { total: numberOf(row, "vg_size"), free: numberOf(row, "vg_free") };
    },
    async volumes() {
      return joined(await lvm.report("lvs", ["lv_name", "lv_size", "lv_tags", "seg_pe_ranges"], [group]));
    },
    freePieces: () => freePieces(lvm, group),
    async create(name, size, tags) {
      const tagged = tags.flatMap((tag) => ["--addtag", tag]);
      // LVM would zero and wipe only the first bytes of an active volume; the driver zeroes all of it.
      const fresh = ["--yes", "-Zn", "-Wn", ...activation, ...layout];
      await lvm.change("lvcreate", [...fresh, ...tagged, "--size", `${size}b`, "--name", name, group]);
    },
    async grow(name, size) {
      await lvm.change("lvextend", [...layout, "--size", `${size}b`, path(name)]);
    },
    async rename(name, to) {
      await lvm.change("lvrename", [group, name, to]);
    },
    async remove(name) {
      await lvm.change("lvremove", ["--yes", "--force", path(name)]);
    },
    async tag(name, { add, remove }) {
      const added = add === undefined ? [] : ["--addtag", add];
      const removed = remove === undefined ? [] : ["--deltag", remove];
      await lvm.change("lvchange", [...added, ...removed, path(name)]);
    },
    async rangeOf(volume) {
      if (lvm.hasMapper)
        return { path: `/dev/${group}/${volume.name}`, isDevice: true, offset: 0, size: volume.size };
      const range = await offsetsOf(lvm, group, volume);
      const { stablePath } = options;
      return range.path === stablePath?.device ? { ...range, path: stablePath.path } : range;
    },
    async zero({ path: device, offset, size }) {
      if (size === 0) return;
      // --force: another volume's range of the device may be in use, which the exclusive open would refuse.
      const how = options.discardZeroes ? ["--force"] : ["--force", "--zeroout"];
      const range = ["--offset", `${offset}`, "--length", `${size}`, device];
      await runTied("blkdiscard", [...how, ...range], zeroTimeoutMs);
    },
  };
}

async function freePieces(lvm: LvmCommands, group: string): Promise<readonly FreePiece[]> {
  const fields = ["pv_name", "vg_name", "vg_extent_size", "pvseg_start", "pvseg_size", "lv_name"];
  const rows = await lvm.report("pvs", fields, ["--segments", "--select", `vg_name=${group}`]);
  return rows
    .filter((row) => row["lv_name"] === "")
    .map((row) => ({
      device: row["pv_name"] ?? "",
      firstExtent: numberOf(row, "pvseg_start"),
      size: numberOf(row, "pvseg_size") * numberOf(row, "vg_extent_size"),
    }));
}

/** LVM prints a volume once for each of its segments. */
function joined(rows: readonly ReportRow[]): readonly LogicalVolume[] {
  const byName = Map.groupBy(rows, (row) => row["lv_name"] ?? "");
  return [...byName].map(([name, parts]) => ({
    name,
    size: numberOf(parts[0], "lv_size"),
    tags: (parts[0]?.["lv_tags"] ?? "").split(",").filter((tag) => tag !== ""),
    pieces: parts.flatMap((part) => (part["seg_pe_ranges"] ?? "").split(" ")),
  }));
}

async function offsetsOf(lvm: LvmCommands, group: string, volume: LogicalVolume): Promise<ByteRange> {
  const { device, firstExtent } = placeOf(volume);
  const rows = await lvm.report(
    "pvs",
    ["pv_name", "pe_start", "vg_extent_size"],
    ["--select", `vg_name=${group}`],
  );
  const row = rows.find((each) => each["pv_name"] === device);
  const offset = numberOf(row, "pe_start") + firstExtent * numberOf(row, "vg_extent_size");
  return { path: device, isDevice: true, offset, size: volume.size };
}

/** The one piece a volume is in. */
export function placeOf(volume: LogicalVolume): Place {
  const [piece, ...more] = volume.pieces;
  const [, device, first, last] = /^(.+):(\d+)-(\d+)$/.exec(piece ?? "") ?? [];
  if (device === undefined || more.length > 0) throw volumeDriverErrors.scattered(volume.name);
  return { device, firstExtent: Number(first), lastExtent: Number(last) };
}

export interface Place {
  readonly device: string;
  readonly firstExtent: number;
  readonly lastExtent: number;
}

function numberOf(row: ReportRow | undefined, field: string): number {
  const value = Number(row?.[field]);
  if (!Number.isFinite(value))
    throw new Error(`LVM's report has no number in ${field}: ${JSON.stringify(row)}`);
  return value;
}
