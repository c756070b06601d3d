// What workers are told of an image: enough to fetch it and to make a disk of it without asking again.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { imageErrors } from "./errors.ts";
import { withDetails } from "./images.ts";
import { dataUse } from "./states.ts";

export interface ImageSource {
  readonly id: Uuid;
  readonly name: string | null;
  /** Checked against the bytes when they arrived: passed on to every tool, never probed again. */
  readonly disk_format: string;
  readonly container_format: string;
  readonly size: number;
  readonly virtual_size: number;
  /** SHA-512. */
  readonly os_hash_value: string;
  readonly min_disk: number;
  readonly min_ram: number;
  readonly path: string;
  readonly kernel_id: Uuid | null;
  readonly ramdisk_id: Uuid | null;
  readonly properties: Readonly<Record<string, string>>;
}

/** The source of an image that servers and volumes may be made of: active, with bytes. */
export async function imageSource(tx: Tx, id: Uuid): Promise<ImageSource> {
  const row = await tx.selectFrom("images").selectAll().where("id", "=", id.toLowerCase()).executeTakeFirst();
  if (row === undefined) throw imageErrors.imageNotFound(id);
  const { size, path, virtual_size, os_hash_value, disk_format, container_format } = row;
  const isUsable = dataUse[row.status] === "anyone";
  if (!isUsable || size === null || path === null || os_hash_value === null)
    throw imageErrors.imageNotActive(id);
  if (disk_format === null || container_format === null) {
    throw imageErrors.imageNotActive(id);
  }
  const [image] = await withDetails(tx, [row]);
  const { properties } = image!;
  return {
    id: row.id,
    name: row.name,
    disk_format,
    container_format,
    size,
    virtual_size: virtual_size ?? size,
    os_hash_value,
    min_disk: row.min_disk,
    min_ram: row.min_ram,
    path,
    kernel_id: properties["kernel_id"] ?? null,
    ramdisk_id: properties["ramdisk_id"] ?? null,
    properties,
  };
}
