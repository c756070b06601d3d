// What can go wrong with volumes. Sentences are Cinder's, which clients know and sometimes read.
import { errorTable } from "@micronova/kit";
import { deletableWords } from "./states.ts";

export const errors = errorTable("volume", {
  volumeNotFound: { status: 404, text: (id: string) => `Volume ${id} could not be found.` },
  attachmentNotFound: {
    status: 404,
    text: (id: string) => `Volume attachment could not be found with filter: attachment_id = ${id}.`,
  },
  creationLost: {
    status: 500,
    text: (id: string) =>
      `The creation of volume ${id} was lost and has been taken back; delete it and create it anew.`,
  },
  typeNotFound: { status: 404, text: (id: string) => `Volume type with id ${id} could not be found.` },
  typeNameNotFound: {
    status: 404,
    text: (name: string) => `Volume type with name ${name} could not be found.`,
  },
  typeExists: { status: 409, text: (name: string) => `Volume Type ${name} already exists.` },
  typeInUse: { status: 400, text: () => "Target volume type is still in use." },
  typeIsDefault: {
    status: 400,
    text: (name: string) => `The volume type ${name} is the default volume type and cannot be deleted.`,
  },
  typeIsPublic: {
    status: 409,
    text: () => "Type access modification is not applicable to public volume type.",
  },
  accessExists: {
    status: 409,
    text: (type: string, project: string) =>
      `Volume type access for ${type} / ${project} combination already exists.`,
  },
  accessNotFound: {
    status: 404,
    text: (type: string, project: string) =>
      `Volume type access not found for ${type} / ${project} combination.`,
  },
  extraSpecNotFound: {
    status: 404,
    text: (type: string, key: string) => `Volume Type ${type} has no extra specs with key ${key}.`,
  },
  metadataNotFound: {
    status: 404,
    text: (id: string, key: string) => `Volume ${id} has no metadata with key ${key}.`,
  },
  imageMetadataNotFound: {
    status: 404,
    text: () => "Metadata item was not found.",
  },
  imageNotFound: { status: 400, text: (id: string) => `Image ${id} could not be found.` },
  imageTooLarge: {
    status: 400,
    text: (size: number, imageGb: number) =>
      `Invalid input received: Size of specified image ${imageGb}GB is larger than volume size ${size}GB.`,
  },
  imageFormat: {
    status: 400,
    text: (id: string, format: string) =>
      `Image ${id} is unacceptable: volumes are made of raw and qcow2 images, not of ${format}.`,
  },
  noProject: { status: 400, text: () => "Volumes belong to projects: ask with a token of one." },
  imageNeedsMore: {
    status: 400,
    text: (size: number, minDisk: number) =>
      `Invalid input received: Volume size ${size}GB cannot be smaller than the image minDisk size ${minDisk}GB.`,
  },
  sizeMissing: {
    status: 400,
    text: () =>
      "Invalid input received: Volume size must be specified and must be an integer greater than 0.",
  },
  unknownZone: { status: 400, text: (zone: string) => `Availability zone '${zone}' is invalid.` },
  unsupportedSource: {
    status: 400,
    text: (what: string) => `Invalid input received: volumes cannot be made of a ${what} in this cloud yet.`,
  },
  tooManyVolumes: {
    status: 413,
    text: (limit: number) =>
      `VolumeLimitExceeded: Maximum number of volumes allowed (${limit}) exceeded for quota 'volumes'.`,
  },
  tooManyGigabytes: {
    status: 413,
    text: (wanted: number, limit: number, used: number) =>
      "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. " +
      `Requested ${wanted}G, quota is ${limit}G and ${used}G has been consumed.`,
  },
  volumeTooLarge: {
    status: 413,
    text: (size: number, limit: number) =>
      "VolumeSizeExceedsLimit: Requested volume size " +
      `${size} is larger than maximum allowed limit ${limit}.`,
  },
  cannotDelete: {
    status: 400,
    text: () =>
      `Invalid volume: Volume status must be ${deletableWords} and must not be migrating, attached, belong to a ` +
      "group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.",
  },
  cannotReserve: {
    status: 400,
    text: (id: string, status: string) =>
      `Invalid volume: Volume ${id} status must be available or downloading to reserve, but the current status is ` +
      `${status}.`,
  },
  cannotExtend: {
    status: 400,
    text: (id: string, status: string) =>
      `Invalid volume: Volume ${id} status must be 'available' to extend, currently ${status}.`,
  },
  newSizeTooSmall: {
    status: 400,
    text: (size: number, wanted: number) =>
      `Invalid input received: New size for extend must be greater than current size. (current: ${size}, extended: ` +
      `${wanted}).`,
  },
  cannotMove: {
    status: 400,
    text: (id: string, action: string, status: string) =>
      `Invalid volume: Unable to ${action} volume ${id}. Volume status must not be ${status}.`,
  },
  notAttached: {
    status: 400,
    text: (id: string) => `Invalid volume: Volume ${id} is not attached.`,
  },
  cannotChange: {
    status: 400,
    text: (id: string, status: string) =>
      `Invalid volume: Volume ${id} cannot be changed while it is ${status}.`,
  },
  cannotSetReadonly: {
    status: 400,
    text: (id: string, status: string) =>
      `Invalid volume: Volume ${id} status must be available to update readonly flag, but current status is: ${status}.`,
  },
  attachmentInUse: {
    status: 409,
    text: (serverId: string) => `Detach volume from instance ${serverId} using the Compute API.`,
  },
  noValidHost: {
    status: 409,
    text: (why: string) => `No valid backend was found. ${why}`,
  },
  otherHost: {
    status: 409,
    text: (volumeId: string, host: string, wanted: string) =>
      `Volume ${volumeId} is on host ${host} and cannot be reached from host ${wanted}: set volume.export_address there.`,
  },
  badSort: { status: 400, text: (key: string) => `Invalid input received: Invalid sort key: ${key}.` },
  badDirection: {
    status: 400,
    text: () => "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.",
  },
  sortTwice: {
    status: 400,
    text: () =>
      "Invalid input received: The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.",
  },
  badFilter: { status: 400, text: (name: string) => `Invalid filters ${name} are found in query options.` },
  badBoolean: { status: 400, text: (value: string) => `Invalid value '${value}' for a boolean.` },
  badQuota: { status: 400, text: (name: string) => `Bad key(s) in quota set: ${name}` },
  badQuotaValue: {
    status: 400,
    text: (name: string) => `Quota limit for ${name} must be an integer of -1 or more.`,
  },
  badStatus: {
    status: 400,
    text: (status: string) =>
      `Invalid status '${status}': a volume can be reset to available or to an error.`,
  },
  serviceNotFound: {
    status: 404,
    text: (host: string) => `Service cinder-volume could not be found on host ${host}.`,
  },
  hostMissing: { status: 400, text: () => "Missing required element 'host' in request body." },
  messageNotFound: { status: 404, text: (id: string) => `Message ${id} could not be found.` },
  snapshotNotFound: { status: 404, text: (id: string) => `Snapshot ${id} could not be found.` },
  noSnapshots: {
    status: 501,
    text: () => "Snapshots are not supported by this cloud yet.",
  },
});
