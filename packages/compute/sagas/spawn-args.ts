// What a host is told to start a guest: everything, since it has no database.
import { createHash } from "node:crypto";
import { imageBytes, imageSource } from "@micronova/image";
import type { Uuid } from "@micronova/kit";
import { newId, type Tx } from "@micronova/store";
import { errors } from "../errors.ts";
import { configDriveFiles } from "../metadata/config-drive.ts";
import { readGuest } from "../metadata/guest.ts";
import { flavorOf } from "../server-show.ts";
import type { Server } from "../tables.ts";
import type { SpawnArgs, VolumeToAttach } from "../worker/contract.ts";

/** Nova's default for guests that are booted by their kernel. */
const kernelCommandLine = "root=/dev/vda console=tty0 console=ttyS0";

export async function spawnArgs(
  read: Tx,
  options: {
    readonly serverId: Uuid;
    readonly volumes: readonly VolumeToAttach[];
    readonly dhcpDomain: string;
    /** The server brings its root disk with it, and outlives its image. */
    readonly hasDisk?: boolean;
  },
): Promise<SpawnArgs> {
  const { serverId, volumes, dhcpDomain, hasDisk } = options;
  const guest = await readGuest(read, serverId, { dhcp_domain: dhcpDomain });
  if (guest === null) throw errors.serverNotFound(serverId);
  const { server } = guest;
  const flavor = flavorOf(server.flavor);
  // As they were at the boot.
  const properties = JSON.parse(server.image_properties) as Readonly<Record<string, string>>;
  return {
    serverId,
    name: server.name,
    vcpus: flavor.vcpus,
    memoryMb: flavor.ram,
    rootGb: flavor.disk,
    ephemeralGb: flavor.ephemeral,
    swapMb: flavor.swap,
    architecture: properties["architecture"] ?? properties["hw_architecture"] ?? null,
    image: hasDisk === true ? ownDisk(server.image_id) : await diskOf(read, server.image_id),
    kernel: await kernelOf(read, server, properties),
    ports: guest.ports,
    volumes,
    configDrive: server.config_drive === 1 ? configDriveFiles(guest, seedOf(read)) : null,
  };
}

function ownDisk(imageId: Uuid | null): SpawnArgs["image"] {
  return imageId === null ? null : { imageId, path: "", format: "qcow2" };
}

async function diskOf(read: Tx, imageId: Uuid | null): Promise<SpawnArgs["image"]> {
  if (imageId === null) return null;
  const source = await imageSource(read, imageId);
  const format = source.disk_format === "qcow2" ? "qcow2" : "raw";
  return { imageId: source.id, path: source.path, format, bytes: await imageBytes(read, source) };
}

async function kernelOf(
  read: Tx,
  { kernel_id, ramdisk_id }: Pick<Server, "kernel_id" | "ramdisk_id">,
  properties: Readonly<Record<string, string>>,
): Promise<SpawnArgs["kernel"]> {
  if (kernel_id === null) return null;
  const kernel = await imageSource(read, kernel_id);
  const ramdisk = ramdisk_id === null ? null : await imageSource(read, ramdisk_id);
  return {
    kernelPath: kernel.path,
    ramdiskPath: ramdisk?.path ?? null,
    kernelBytes: await imageBytes(read, kernel),
    ramdiskBytes: ramdisk === null ? null : await imageBytes(read, ramdisk),
    commandLine: properties["os_command_line"] ?? kernelCommandLine,
  };
}

/** 512 bytes for the guest's own generator, from the store's source of chance. */
const seedBlocks = 8;

function seedOf(read: Tx): Uint8Array {
  const blocks = Array.from({ length: seedBlocks }, () =>
    createHash("sha512").update(newId(read)).update(newId(read)).update(newId(read)).digest(),
  );
  return Buffer.concat(blocks);
}
