// A server's own disks: an overlay on its image, blank disks, the config drive. Each is made beside its place
// and renamed into it, so that what exists is complete and a repeated spawn makes only what is missing.
import { copyFile, link, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { isFault, processErrors, run } from "@micronova/kit";
import type { DiskImage, DomainSpec } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { nullWhenAbsent } from "../files.ts";
import type { DomainFiles } from "./domain.ts";

export interface Disks {
  make(spec: DomainSpec, files: DomainFiles): Promise<void>;
  /** Removes the images that no server of these uses. */
  prune(imagesInUse: ReadonlySet<string>): Promise<void>;
}

// A copy of a large image on a slow disk.
const copyTimeoutMs = 10 * 60_000;
// The volume's label is how guests find the drive; the rest is what Nova's config drives are.
const isoArguments = [
  "-quiet",
  "-J",
  "-R",
  "-V",
  "config-2",
  "-publisher",
  "OpenStack Nova",
  "-input-charset",
  "utf-8",
];

export function disks(imagesFolder: string): Disks {
  const images: Images = { folder: imagesFolder, sizes: new Map() };
  return {
    async make(spec, files) {
      try {
        await Promise.all([
          spec.image === null ? stateDisk(files) : rootDisk(images, spec.image, spec.rootGb, files.rootDisk),
          blankDisk(files.ephemeralDisk, `${spec.ephemeralGb}G`, spec.ephemeralGb > 0),
          blankDisk(files.swapDisk, `${spec.swapMb}M`, spec.swapMb > 0),
          spec.configDrive === null ? null : configDrive(files, spec.configDrive),
        ]);
      } catch (error) {
        throw explained(spec.serverId, error);
      }
    },
    async prune(imagesInUse) {
      const names = (await readdir(imagesFolder).catch(nullWhenAbsent)) ?? [];
      for (const name of names) {
        if (imagesInUse.has(name)) continue;
        images.sizes.delete(join(imagesFolder, name));
        await rm(join(imagesFolder, name), { force: true });
      }
    },
  };
}

/** The image's name in the driver's own folder. */
export function baseName(image: DiskImage): string {
  return `${image.imageId}.${image.format}`;
}

interface Images {
  readonly folder: string;
  /** Virtual sizes by path: an image never changes, and asking for its size is a program to start. */
  readonly sizes: Map<string, number>;
}

async function rootDisk(images: Images, image: DiskImage, rootGb: number, path: string): Promise<void> {
  if (await exists(path)) return;
  const base = await baseImage(images.folder, image);
  const size = images.sizes.get(base) ?? (await virtualSize(base, image.format));
  images.sizes.set(base, size);
  // The backing file's format is said, never guessed: a guest could write a header that lies.
  const backing = ["-b", base, "-F", image.format];
  await qcow2(path, [...backing], String(Math.max(rootGb * 1024 ** 3, size)));
}

/** A second name for the image's bytes, or a copy: servers go on when the image is deleted. */
async function baseImage(folder: string, image: DiskImage): Promise<string> {
  const base = join(folder, baseName(image));
  if (await exists(base)) return base;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await link(image.path, base);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EEXIST") return base;
    if (code !== "EXDEV" && code !== "EPERM" && code !== "EMLINK") throw error;
    const copy = `${base}.${image.imageId}.partial`;
    await copyFile(image.path, copy);
    await rename(copy, base);
  }
  return base;
}

async function virtualSize(path: string, format: string): Promise<number> {
  const { stdout } = await run("qemu-img", ["info", "-U", "--output=json", "-f", format, path]);
  const size = JSON.parse(stdout)["virtual-size"];
  return Number(size);
}

async function blankDisk(path: string, size: string, wanted: boolean): Promise<void> {
  if (wanted && !(await exists(path))) await qcow2(path, [], size);
}

// The memory of a suspended server lies behind the disk's own size, in the same file.
async function stateDisk(files: DomainFiles): Promise<void> {
  await blankDisk(files.stateDisk, "1M", true);
}

async function qcow2(path: string, options: readonly string[], size: string): Promise<void> {
  const partial = `${path}.partial`;
  await run("qemu-img", ["create", "-q", "-f", "qcow2", ...options, partial, size], {
    timeoutMs: copyTimeoutMs,
  });
  await rename(partial, path);
}

async function configDrive(files: DomainFiles, content: Readonly<Record<string, string>>): Promise<void> {
  if (await exists(files.configDrive)) return;
  const folder = `${files.configDrive}.files`;
  await rm(folder, { recursive: true, force: true });
  for (const [name, base64] of Object.entries(content)) {
    const path = join(folder, safePath(name));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.from(base64, "base64"));
  }
  const partial = `${files.configDrive}.partial`;
  await run("genisoimage", [...isoArguments, "-o", partial, folder]);
  await rename(partial, files.configDrive);
  await rm(folder, { recursive: true, force: true });
}

/** Names of the drive's files come over the network: none may leave the drive. */
function safePath(name: string): string {
  const path = normalize(name);
  if (path.startsWith("/") || path.startsWith(".."))
    throw new Error(`a config drive has no place for ${name}`);
  return path;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(nullWhenAbsent)) !== null;
}

function explained(serverId: string, error: unknown): unknown {
  if (isFault(error, processErrors.notFound)) {
    const program = String(error.params[0]);
    return program === "genisoimage" ? driverErrors.isoMissing(program) : driverErrors.qemuMissing(program);
  }
  if (isFault(error, processErrors.failed)) return driverErrors.diskFailed(serverId, error.message);
  return error;
}
