// What can go wrong with images, in Glance's sentences.
import { errorTable, type Uuid } from "@micronova/kit";

export const imageErrors = errorTable("image", {
  imageNotFound: { status: 404, text: (id: Uuid) => `No image found with ID ${id}` },
  bytesUnreachable: {
    status: 503,
    text: (id: Uuid, origin: string, why: string) =>
      `The bytes of image ${id} could not be fetched from ${origin} (${why}); set public_url to where hosts reach the APIs.`,
    retriable: true,
  },
  bytesRefused: {
    status: 503,
    text: (id: Uuid, origin: string, why: string) => `${origin} refused the bytes of image ${id}: ${why}.`,
  },
  bytesShort: {
    status: 503,
    text: (id: Uuid, size: number, whole: number) => `Of image ${id} only ${size} of ${whole} bytes arrived.`,
    retriable: true,
  },
  bytesDamaged: {
    status: 503,
    text: (id: Uuid) => `The bytes of image ${id} arrived damaged.`,
    retriable: true,
  },
  imageExists: { status: 409, text: (id: Uuid) => `Image ID ${id} already exists!` },
  imageProtected: {
    status: 403,
    text: (id: Uuid) => `Image ${id} is protected and cannot be deleted.`,
  },
  imageNotActive: { status: 400, text: (id: Uuid) => `Image ${id} is not active.` },
  imageDeactivated: {
    status: 403,
    text: () => "The requested image has been deactivated. Image data download is forbidden.",
  },
  transition: {
    status: 409,
    text: (from: string, to: string) => `Image status transition from ${from} to ${to} is not allowed`,
  },
  wrongStatus: {
    status: 403,
    text: (action: string, status: string) => `Not allowed to ${action} image in status '${status}'`,
  },
  readOnly: { status: 403, text: (name: string) => `Attribute '${name}' is read-only.` },
  reserved: { status: 403, text: (name: string) => `Attribute '${name}' is reserved.` },
  ownerForbidden: {
    status: 403,
    text: (owner: string) => `You are not permitted to create images owned by '${owner}'.`,
  },
  removalForbidden: { status: 403, text: (name: string) => `Property ${name} may not be removed.` },
  locationsForbidden: {
    status: 403,
    text: () => "It's not allowed to add locations if locations are invisible.",
  },
  propertyMissing: { status: 409, text: (name: string) => `Property ${name} does not exist.` },
  patchMalformed: { status: 400, text: (why: string) => why },
  formatsImmutable: {
    status: 403,
    text: (name: string) => `Attribute ${name} can be only replaced for a queued image.`,
  },
  formatsMissing: {
    status: 400,
    text: () => "Properties disk_format, container_format must be set prior to saving data.",
  },
  badFilter: { status: 400, text: (why: string) => why },
  markerNotFound: {
    status: 400,
    text: (marker: string) => `Invalid marker: image ${marker} could not be found.`,
  },
  tooManyProperties: {
    status: 413,
    text: (max: number, what: string) => `The limit of ${max} ${what} for an image has been exceeded.`,
  },
  goneWhileUploading: {
    status: 410,
    text: (id: Uuid) =>
      `Image ${id} could not be found after upload. The image may have been deleted during the upload.`,
  },
  sizeMismatch: {
    status: 400,
    text: (said: number, got: number) => `The request said the image has ${said} bytes, but ${got} arrived.`,
  },
  tooLarge: {
    status: 413,
    text: (max: number) => `The image is larger than ${max} bytes, the most one may have.`,
  },
  storageFull: {
    status: 413,
    text: () =>
      "Image storage media is full: There is not enough disk space on the image storage media. " +
      "Nothing was kept; make room and upload again.",
  },
  formatMismatch: {
    status: 400,
    text: (declared: string, found: string) =>
      `The image is declared as ${declared}, but its content is ${found}; ` +
      "declare its format as it is, or convert it with qemu-img convert.",
  },
  formatUnsupported: {
    status: 400,
    text: (format: string) =>
      `Images in the format ${format} cannot be used here; convert it with qemu-img convert -O qcow2.`,
  },
  formatUnsafe: {
    status: 400,
    text: (format: string, why: string) => `The ${format} image is refused: ${why}.`,
  },
  rangeInvalid: { status: 416, text: (size: number) => `The range is not within the image's ${size} bytes.` },
  noStores: { status: 404, text: () => "Multi backend is not supported at this site." },
  notShared: { status: 403, text: () => "Only shared images have members." },
  memberNotFound: {
    status: 404,
    text: (id: Uuid, member: string) => `${member} not found in the member list of the image ${id}.`,
  },
  memberExists: {
    status: 409,
    text: (id: Uuid, member: string) => `Member ${member} is duplicated for image ${id}`,
  },
  tagNotFound: { status: 404, text: (tag: string) => `The tag ${tag} is not on the image.` },
});
