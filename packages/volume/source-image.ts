// The image a volume is made of: checked against the volume, and what the volume remembers of it.

import { type ImageSource, imageSource, images } from "@micronova/image";
import { isFault, type RequestContext, type Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type { VolumeSource } from "./drivers/driver.ts";
import { errors } from "./errors.ts";

export interface SourceImage {
  readonly id: Uuid;
  readonly source: VolumeSource;
  /** All values are text, as in `volume_image_metadata`. */
  readonly metadata: Readonly<Record<string, string>>;
}

const bytesPerGb = 1024 ** 3;

export async function sourceImage(
  tx: Tx,
  context: RequestContext,
  id: Uuid | null,
  sizeGb: number,
): Promise<SourceImage | null> {
  if (id === null || id === "") return null;
  const image = await findImage(tx, context, id);
  const imageGb = Math.ceil(Math.max(image.size, image.virtual_size) / bytesPerGb);
  if (imageGb > sizeGb) throw errors.imageTooLarge(sizeGb, imageGb);
  if (image.min_disk > sizeGb) throw errors.imageNeedsMore(sizeGb, image.min_disk);
  return { id: image.id, source: sourceOf(image), metadata: metadataOf(image) };
}

async function findImage(tx: Tx, context: RequestContext, id: Uuid): Promise<ImageSource> {
  try {
    await images.get(tx, context, id);
    return await imageSource(tx, id);
  } catch (error) {
    // Cinder answers 400 where Glance answers 404.
    if (isFault(error) && error.status === errors.volumeNotFound.status) throw errors.imageNotFound(id);
    throw error;
  }
}

/**
 * How the driver is to read each of the formats it can; what is a disk's plain bytes under another name is
 * raw.
 */
const readAs: Readonly<Record<string, "raw" | "qcow2">> = {
  raw: "raw",
  iso: "raw",
  ami: "raw",
  aki: "raw",
  ari: "raw",
  qcow2: "qcow2",
};

function sourceOf(image: ImageSource): VolumeSource {
  const format = readAs[image.disk_format];
  if (format === undefined) throw errors.imageFormat(image.id, image.disk_format);
  return { kind: "image", path: image.path, format, imageId: image.id };
}

function metadataOf(image: ImageSource): Record<string, string> {
  const fixed = {
    image_id: image.id,
    image_name: image.name ?? "",
    disk_format: image.disk_format,
    container_format: image.container_format,
    min_disk: `${image.min_disk}`,
    min_ram: `${image.min_ram}`,
    size: `${image.size}`,
  };
  return { ...image.properties, ...fixed };
}
