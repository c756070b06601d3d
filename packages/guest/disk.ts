// Makes the bootable disk: one ext4 partition, and GRUB's core image in the gap before it, which a BIOS
// starts. No mount, no loop device, no root needed.
import { chmod, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@micronova/kit";
import { pathsBelow } from "./cpio.ts";
import { diskMb, guestCommandLine, rootLabel } from "./recipe.ts";
import { fromPackages } from "./tree.ts";

const sectorBytes = 512;
// The usual place of the first partition; the megabyte before it holds the boot loader.
const firstSector = 2048;
// The boot sector's code ends where the partition table begins.
const bootCodeBytes = 440;
const partitionTableAt = 446;
const linuxPartition = 0x83;
const bootable = 0x80;

export interface DiskParts {
  readonly packages: string;
  /** The filesystem's content, with the kernel and its ramdisk in `/boot`. */
  readonly tree: string;
  readonly work: string;
  readonly homeOwner: number;
}

/** Writes the raw disk to `path`. */
export async function makeDisk(path: string, parts: DiskParts): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.truncate(diskMb * 1024 * 1024);
    await file.write(await bootSector(parts.packages), 0, sectorBytes, 0);
    const core = await bootLoader(parts);
    await file.write(core, 0, core.length, sectorBytes);
  } finally {
    await file.close();
  }
  await makeFilesystem(path, parts);
}

async function bootSector(packages: string): Promise<Buffer> {
  const sector = Buffer.alloc(sectorBytes);
  const code = await readFile(join(packages, "usr/lib/grub/i386-pc/boot.img"));
  code.copy(sector, 0, 0, bootCodeBytes);
  const sectors = (diskMb * 1024 * 1024) / sectorBytes - firstSector;
  sector[partitionTableAt] = bootable;
  sector[partitionTableAt + 4] = linuxPartition;
  sector.writeUInt32LE(firstSector, partitionTableAt + 8);
  sector.writeUInt32LE(sectors, partitionTableAt + 12);
  sector.writeUInt16LE(0xaa55, sectorBytes - 2);
  return sector;
}

/**
 * GRUB with the modules it needs and its only instructions built in. It expects to lie right behind the boot
 * sector.
 */
async function bootLoader({ packages, work }: DiskParts): Promise<Buffer> {
  // The 16-bit way in: the other has GRUB move the kernel once more, which costs an emulated processor 1.6 s.
  const instructions = [
    `linux16 (hd0,msdos1)/boot/vmlinuz root=LABEL=${rootLabel} ${guestCommandLine}`,
    "initrd16 (hd0,msdos1)/boot/ramdisk",
    "boot",
  ];
  await writeFile(join(work, "grub.cfg"), `${instructions.join("\n")}\n`);
  const [command, args] = fromPackages(packages, "usr/bin/grub-mkimage");
  const output = join(work, "core.img");
  const modules = ["biosdisk", "part_msdos", "ext2", "linux16"];
  await run(command, [
    ...args,
    ...["-O", "i386-pc", "-d", join(packages, "usr/lib/grub/i386-pc"), "-p", "/boot/grub"],
    ...["-c", join(work, "grub.cfg"), "-o", output, ...modules],
  ]);
  return readFile(output);
}

async function makeFilesystem(path: string, { packages, tree, work, homeOwner }: DiskParts): Promise<void> {
  const [mke2fs, mke2fsArgs] = fromPackages(packages, "sbin/mke2fs");
  const offset = firstSector * sectorBytes;
  const sizeKb = (diskMb * 1024 * 1024 - offset) / 1024;
  // GRUB's driver knows neither checksum seeds nor orphan files; a journal of 4 MB is enough for a guest this
  // small.
  const features = "^metadata_csum_seed,^orphan_file";
  const options = ["-q", "-F", "-t", "ext4", "-L", rootLabel, "-m", "0", "-J", "size=4", "-O", features];
  await run(mke2fs, [...mke2fsArgs, ...options, "-d", tree, "-E", `offset=${offset}`, path, `${sizeKb}k`], {
    env: { MKE2FS_CONFIG: join(packages, "etc/mke2fs.conf") },
  });
  const [debugfs, debugfsArgs] = fromPackages(packages, "sbin/debugfs");
  const script = join(work, "owners");
  await writeFile(script, await ownerCommands(tree, homeOwner));
  await run(debugfs, [...debugfsArgs, "-w", "-f", script, `${path}?offset=${offset}`]);
}

/**
 * mke2fs copies owners from the folder, which belongs to whoever builds; this sets them as the guest has
 * them.
 */
async function ownerCommands(tree: string, homeOwner: number): Promise<string> {
  const paths = await pathsBelow(tree);
  const lines = paths.flatMap((path) => {
    const owner = path.startsWith("home/") ? homeOwner : 0;
    return [`sif "/${path}" uid ${owner}`, `sif "/${path}" gid ${owner}`];
  });
  return `${["sif / uid 0", "sif / gid 0", ...lines].join("\n")}\n`;
}

/** Readable by whoever the guests run as. */
export async function publish(path: string): Promise<number> {
  await chmod(path, 0o644);
  return (await stat(path)).size;
}
