// The logical volumes of one volume group, and the bytes behind them. With the device mapper a volume has a
// device of its own; without it, it is a byte range of the physical volume, which needs it to be in one
// piece.
import { volumeDriverErrors } from "../errors.ts";
import type { ByteRange } from "../image-bytes.ts";
import { runTied } from "../run-tied.ts";
import type { LvmCommands, ReportRow } from "./commands.ts";

/** Neighbouring extents of one physical volume. */
export interface Piece {
  readonly device: string;
  readonly offset: number;
  readonly size: number;
}

export interface LogicalVolume {
  readonly name: string;
  readonly size: number;
  readonly tags: readonly string[];
  readonly pieces: readonly Piece[];
}

/** Everything in the group at one moment, from one command. */
export interface Layout {
  readonly volumes: readonly LogicalVolume[];
  readonly free: readonly Piece[];
}

export interface VolumeGroup {
  readonly name: string;
  readonly mode: "device-mapper" | "offsets";
  size(): Promise<{ readonly total: number; readonly free: number }>;
  layout(): Promise<Layout>;
  create(name: string, size: number, tags: readonly string[]): Promise<void>;
  /** Grows in place; throws when the space behind the volume is taken. */
  grow(name: string, size: number): Promise<void>;
  rename(name: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  tag(name: string, change: { readonly add?: string; readonly remove?: string }): Promise<void>;
  rangeOf(volume: LogicalVolume): ByteRange;
  /** The same bytes one layer below, for a device over them. */
  backingOf(volume: LogicalVolume): ByteRange;
  zero(range: ByteRange): Promise<void>;
}

export interface VolumeGroupOptions {
  readonly name: string;
  readonly lvm: LvmCommands;
  /** The file behind a physical volume that is a loop device. */
  readonly backing?: { readonly device: string; readonly file: string };
  /** Whether discarded bytes read as zeros: so it is with a sparse file, but not with every disk. */
  readonly discardZeroes: boolean;
}

// Zeroing a large volume on a slow disk takes hours; the caller's own deadline is the shorter one.
const zeroTimeoutMs = 6 * 3_600_000;

export function volumeGroup({ name: group, lvm, ...options }: VolumeGroupOptions): VolumeGroup {
  const { backing } = options;
  const path = (name: string) => `${group}/${name}`;
  // In one piece and not activated, or as LVM likes it and with a device.
  const placed = lvm.hasMapper ? [] : ["--alloc", "contiguous"];
  const activation = lvm.hasMapper ? ["-ay"] : ["-an"];
  return {
    name: group,
    mode: lvm.hasMapper ? "device-mapper" : "offsets",
    async size() {
      const [row] = await lvm.report("vgs", ["vg_size", "vg_free"], [group]);
      return { total: numberOf(row, "vg_size"), free: numberOf(row, "vg_free") };
    },
    async layout() {
      return layoutOf(await lvm.report("pvs", layoutFields, ["--segments", "--select", `vg_name=${group}`]));
    },
    async create(name, size, tags) {
      const tagged = tags.flatMap((tag) => ["--addtag", tag]);
      // LVM would zero and wipe only the first bytes of an active volume; the driver zeroes all of it.
      const fresh = ["--yes", "-Zn", "-Wn", ...activation, ...placed];
      await lvm.change("lvcreate", [...fresh, ...tagged, "--size", `${size}b`, "--name", name, group]);
    },
    async grow(name, size) {
      await lvm.change("lvextend", [...placed, "--size", `${size}b`, path(name)]);
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
    rangeOf(volume) {
      const whole = { isDevice: true, offset: 0, size: volume.size };
      if (lvm.hasMapper) return { ...whole, path: `/dev/${group}/${volume.name}` };
      const { device, offset } = pieceOf(volume);
      return { ...whole, offset, path: device };
    },
    backingOf(volume) {
      const range = this.rangeOf(volume);
      return range.path === backing?.device ? { ...range, path: backing.file, isDevice: false } : range;
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

const layoutFields = [
  "pv_name",
  "pe_start",
  "vg_name",
  "vg_extent_size",
  "pvseg_start",
  "pvseg_size",
  "lv_name",
  "lv_size",
  "lv_tags",
];

/** Each row is a run of extents, free or of one volume. */
function layoutOf(rows: readonly ReportRow[]): Layout {
  const byName = Map.groupBy(rows, (row) => row["lv_name"] ?? "");
  const volumes = [...byName].filter(([name]) => name !== "");
  return {
    free: (byName.get("") ?? []).map(pieceIn).filter(({ size }) => size > 0),
    volumes: volumes.map(([name, parts]) => ({
      name,
      size: numberOf(parts[0], "lv_size"),
      tags: (parts[0]?.["lv_tags"] ?? "").split(",").filter((tag) => tag !== ""),
      pieces: parts.map(pieceIn),
    })),
  };
}

function pieceIn(row: ReportRow): Piece {
  const extent = numberOf(row, "vg_extent_size");
  return {
    device: row["pv_name"] ?? "",
    offset: numberOf(row, "pe_start") + numberOf(row, "pvseg_start") * extent,
    size: numberOf(row, "pvseg_size") * extent,
  };
}

/** The one piece a volume is in. */
export function pieceOf(volume: LogicalVolume): Piece {
  const [piece, ...more] = volume.pieces;
  if (piece === undefined || more.length > 0) throw volumeDriverErrors.scattered(volume.name);
  return piece;
}

function numberOf(row: ReportRow | undefined, field: string): number {
  const value = Number(row?.[field]);
  if (!Number.isFinite(value))
    throw new Error(`LVM's report has no number in ${field}: ${JSON.stringify(row)}`);
  return value;
}
