// Builds the tiny guest into a cache: once for each recipe and set of package versions, by one process at a
// time, complete or not at all.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { isFault, type Log, run, systemClock } from "@micronova/kit";
import { cpioOf } from "./cpio.ts";
import { makeDisk, publish } from "./disk.ts";
import { guestErrors } from "./errors.ts";
import { withLock } from "./lock.ts";
import { type PackageFile, resolvePackages, unpackPackages } from "./packages.ts";
import * as recipe from "./recipe.ts";
import { layOutDiskRamdisk, layOutGuest } from "./tree.ts";

export interface GuestImage {
  /** A bootable disk, qcow2. */
  readonly disk: string;
  /** The same system as a kernel and a ramdisk that stays in memory. */
  readonly kernel: string;
  readonly ramdisk: string;
  /** Names the recipe and the package versions. */
  readonly version: string;
}

export interface GuestOptions {
  readonly cacheDir: string;
  readonly log: Log;
}

// The user `cirros` of the guest's own password file.
const homeOwner = 1000;
const keepOldMs = 24 * 60 * 60_000;
const listsFolder = "/var/lib/apt/lists";

/** The guest's image files; built if this cache has none of the machine's current package versions. */
export async function buildGuestImage(options: GuestOptions): Promise<GuestImage> {
  await mkdir(options.cacheDir, { recursive: true });
  const recipeKey = await keyOfRecipe();
  return (
    (await fromCache(options.cacheDir, recipeKey)) ??
    withLock(join(options.cacheDir, "guest.lock"), async () => {
      return (await fromCache(options.cacheDir, recipeKey)) ?? make(options, recipeKey);
    })
  );
}

/** What was built of the package lists as they are now: then nothing needs to be asked. */
async function fromCache(cacheDir: string, recipeKey: string): Promise<GuestImage | null> {
  const lists = await listsStamp();
  for (const version of await built(cacheDir, recipeKey)) {
    const stamp = await readFile(join(cacheDir, version, "lists"), "utf8");
    if (stamp === lists) return imageAt(cacheDir, version);
  }
  return null;
}

async function make({ cacheDir, log }: GuestOptions, recipeKey: string): Promise<GuestImage> {
  const existing = (await built(cacheDir, recipeKey))[0];
  try {
    const packages = await resolvePackages();
    const version = `guest-${recipeKey}-${digest(packages.map((file) => file.digest))}`;
    if (!(await built(cacheDir, recipeKey)).includes(version)) await build(cacheDir, version, packages, log);
    await writeFile(join(cacheDir, version, "lists"), await listsStamp());
    return imageAt(cacheDir, version);
  } catch (error) {
    // Without the archive, what was built of older packages still serves.
    if (existing === undefined || !isFault(error, guestErrors.aptFailed)) throw error;
    log.warn({ error, version: existing }, "guest image is of older packages");
    return imageAt(cacheDir, existing);
  }
}

async function build(
  cacheDir: string,
  version: string,
  packages: readonly PackageFile[],
  log: Log,
): Promise<void> {
  const work = join(cacheDir, `${version}.partial`);
  await rm(work, { recursive: true, force: true });
  const [unpacked, tree, small, out] = ["packages", "tree", "small", "out"].map((name) => join(work, name));
  for (const folder of [tree!, small!, out!]) await mkdir(folder, { recursive: true });
  log.info({ packages: packages.length }, "guest image: fetching packages");
  await unpackPackages(packages, join(work, "archive"), unpacked!);
  log.info({ version }, "guest image: building");
  await layOutGuest(unpacked!, tree!);
  await layOutDiskRamdisk(unpacked!, small!);
  const kernel = (await readdir(join(unpacked!, "boot"))).find((name) => name.startsWith("vmlinuz-"))!;
  await copyFile(join(unpacked!, "boot", kernel), join(out!, "kernel"));
  await writeFile(join(out!, "ramdisk"), compressed(await cpioOf(tree!, homeOwner)));
  await mkdir(join(tree!, "boot"));
  await copyFile(join(out!, "kernel"), join(tree!, "boot/vmlinuz"));
  await writeFile(join(tree!, "boot/ramdisk"), compressed(await cpioOf(small!, homeOwner)));
  await makeDisk(join(work, "disk.raw"), { packages: unpacked!, tree: tree!, work, homeOwner });
  await run("qemu-img", ["convert", "-O", "qcow2", join(work, "disk.raw"), join(out!, "disk.qcow2")]);
  for (const name of ["kernel", "ramdisk", "disk.qcow2"]) await publish(join(out!, name));
  await rename(out!, join(cacheDir, version));
  await rm(work, { recursive: true, force: true });
  await forgetOld(cacheDir, version);
}

/** Removes earlier builds and the rests of failed ones; whoever reads a young one may still be at it. */
async function forgetOld(cacheDir: string, version: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith("guest-") || name === version) continue;
    const { mtimeMs } = await stat(join(cacheDir, name));
    if (systemClock.now() - mtimeMs > keepOldMs)
      await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

// The kernel unpacks it at every start, and Zstandard is the format it unpacks fastest for its size.
function compressed(archive: Buffer): Buffer {
  return zstdCompressSync(archive);
}

function imageAt(cacheDir: string, version: string): GuestImage {
  const at = (name: string) => join(cacheDir, version, name);
  return { disk: at("disk.qcow2"), kernel: at("kernel"), ramdisk: at("ramdisk"), version };
}

/** Complete builds of this recipe, newest first. */
async function built(cacheDir: string, recipeKey: string): Promise<string[]> {
  const names = (await readdir(cacheDir)).filter(
    (name) => name.startsWith(`guest-${recipeKey}-`) && !name.endsWith(".partial"),
  );
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(cacheDir, name))).mtimeMs })),
  );
  return aged.sort((a, b) => b.at - a.at).map(({ name }) => name);
}

/** Our scripts and the code that lays things out: a change of either is a new image. */
async function keyOfRecipe(): Promise<string> {
  const files = join(import.meta.dirname, "files");
  const sources = ["tree.ts", "disk.ts", "cpio.ts", "build.ts"].map((name) =>
    join(import.meta.dirname, name),
  );
  const paths = [...(await readdir(files)).sort().map((name) => join(files, name)), ...sources];
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
  return digest([JSON.stringify(recipe), ...texts]);
}

function digest(texts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 12);
}

/** Changes whenever the machine fetches new package lists; constant where there are none. */
async function listsStamp(): Promise<string> {
  const found = await stat(listsFolder).catch(() => null);
  return found === null ? "none" : String(Math.trunc(found.mtimeMs));
}
