// What volume drivers say when they cannot do what they are asked, in words an operator understands.
import { errorTable } from "@micronova/kit";

export const volumeDriverErrors = errorTable("volumeDriver", {
  noSpace: {
    status: 413,
    text: (pool: string, wantedGb: number, freeGb: number) =>
      `Pool ${pool} has no room for ${wantedGb} GB: ${freeGb} GB are free in one piece.`,
    retriable: true,
  },
  unknownVolume: {
    status: 404,
    text: (volumeId: string, pool: string) => `Volume ${volumeId} is not in pool ${pool}.`,
  },
  sizeDiffers: {
    status: 409,
    text: (volumeId: string, hasGb: number, wantedGb: number) =>
      `Volume ${volumeId} exists with ${hasGb} GB, not with the ${wantedGb} GB wanted.`,
  },
  cannotShrink: {
    status: 400,
    text: (volumeId: string, hasGb: number, wantedGb: number) =>
      `Volume ${volumeId} has ${hasGb} GB and cannot become ${wantedGb} GB: volumes only grow.`,
  },
  imageTooLarge: {
    status: 400,
    text: (imageBytes: number, sizeGb: number) =>
      `The image needs ${imageBytes} bytes, more than a volume of ${sizeGb} GB holds.`,
  },
  notOurs: {
    status: 409,
    text: (name: string, group: string) =>
      `Logical volume ${name} in volume group ${group} belongs to someone else; it is left alone.`,
  },
  noVolumeGroup: {
    status: 500,
    text: (group: string) => `Volume group ${group} does not exist; create it or name another one.`,
  },
  poolDamaged: {
    status: 500,
    text: (path: string, group: string) =>
      `${path} exists but holds no volume group ${group}; it is left as it is. Restore it, or move it away.`,
  },
  scattered: {
    status: 500,
    text: (name: string) =>
      `Logical volume ${name} is in several pieces, which cannot be used without the device mapper.`,
  },
  stillOpen: {
    status: 409,
    text: (volumeId: string) =>
      `Volume ${volumeId} is still open in a process of its host, which has to end first.`,
    retriable: true,
  },
  notStarted: { status: 503, text: (pool: string) => `Pool ${pool} is not ready yet.`, retriable: true },
  exportedElsewhere: {
    status: 409,
    text: (volumeId: string, host: string, wanted: string) =>
      `Volume ${volumeId} is exported to host ${host}, and to ${wanted} only once that is withdrawn.`,
    retriable: true,
  },
  noExportAddress: {
    status: 409,
    text: (volumeId: string, host: string, wanted: string) =>
      `Volume ${volumeId} is on host ${host} and cannot be reached from host ${wanted}: set volume.export_address there.`,
  },
  noCertificate: {
    status: 409,
    text: (volumeId: string, host: string) =>
      `Volume ${volumeId} leaves host ${host} only over TLS, for which the host has no certificate.`,
  },
  noExportPort: {
    status: 503,
    text: (address: string, first: number, last: number) =>
      `No port of ${address} from ${first} to ${last} is free to export a volume at.`,
    retriable: true,
  },
  exportFailed: {
    status: 500,
    text: (volumeId: string, said: string) => `Volume ${volumeId} could not be exported: ${said}`,
    retriable: true,
  },
  exportStays: {
    status: 500,
    text: (pid: number, ms: number) =>
      `Process ${pid}, which exports a volume, did not end within ${ms} ms; its disk may hang.`,
    retriable: true,
  },
});
