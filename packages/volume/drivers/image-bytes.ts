// Moving bytes into volumes with qemu-img. Formats are always named, never guessed from content that a guest
// may have written, and a target is always a byte range of a device or file.
import { run } from "@micronova/kit";
import { volumeDriverErrors } from "./errors.ts";
import { runTied } from "./run-tied.ts";

/** A piece of a block device or file. */
export interface ByteRange {
  readonly path: string;
  readonly isDevice: boolean;
  readonly offset: number;
  readonly size: number;
}

export const bytesPerGb = 1024 ** 3;

// Filling a large volume from a slow disk takes hours; the caller's own deadline is the shorter one.
const copyTimeoutMs = 6 * 3_600_000;

/** Writes an image into a range that already reads as zeros. */
export async function copyImage(
  image: { readonly path: string; readonly format: "raw" | "qcow2" },
  target: ByteRange,
): Promise<void> {
  const source = imageOptions({ driver: image.format, "file.driver": "file", "file.filename": image.path });
  const described = await run("qemu-img", ["info", "--image-opts", source, "--output=json"]);
  // The documented field of qemu-img's own answer.
  const { "virtual-size": bytes } = JSON.parse(described.stdout) as { "virtual-size": number };
  if (bytes > target.size) throw volumeDriverErrors.imageTooLarge(bytes, target.size / bytesPerGb);
  await convert(source, target, "writeback");
}

/** Copies one range to the start of another that already reads as zeros. */
export async function copyRange(source: ByteRange, target: ByteRange): Promise<void> {
  await convert(rangeOptions(source), { ...target, size: source.size }, cacheOf(source));
}

async function convert(source: string, target: ByteRange, sourceCache: string): Promise<void> {
  // -n: the target exists.
  const how = ["-n", "-T", sourceCache, "-t", cacheOf(target), "--target-is-zero"];
  const what = ["--image-opts", "--target-image-opts", source, rangeOptions(target)];
  await runTied("qemu-img", ["convert", ...how, ...what], copyTimeoutMs);
}

/**
 * Devices are read and written past the page cache: a copy must not push everything else out of the host's
 * memory, and the cache of one device does not know what was written through another over the same bytes.
 */
function cacheOf({ isDevice }: ByteRange): string {
  return isDevice ? "none" : "writeback";
}

function rangeOptions(range: ByteRange): string {
  return imageOptions({
    driver: "raw",
    // QEMU's locks are on the whole device, which other volumes' guests have open.
    "file.locking": "off",
    offset: `${range.offset}`,
    size: `${range.size}`,
    "file.driver": range.isDevice ? "host_device" : "file",
    "file.filename": range.path,
  });
}

/** qemu-img's list of options, in which a comma of a value is written twice. */
function imageOptions(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([key, value]) => `${key}=${value.replaceAll(",", ",,")}`)
    .join(",");
}
