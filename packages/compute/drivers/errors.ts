// What can go wrong on a compute host, as sentences for whoever started the server or runs the cloud.
import { errorTable } from "@micronova/kit";

export const driverErrors = errorTable("compute-driver", {
  qemuMissing: {
    status: 500,
    text: (program: string) =>
      `QEMU is not installed: ${program} was not found; install the packages qemu-system-x86 and qemu-utils.`,
  },
  isoMissing: {
    status: 500,
    text: (program: string) =>
      `Config drives cannot be made: ${program} was not found; install the package genisoimage.`,
  },
  startFailed: {
    status: 500,
    retriable: true,
    text: (serverId: string, said: string) => `QEMU did not start server ${serverId}: ${said}`,
  },
  diskFailed: {
    status: 500,
    retriable: true,
    text: (serverId: string, said: string) => `The disks of server ${serverId} could not be made: ${said}`,
  },
  qmpFailed: {
    status: 500,
    text: (command: string, said: string) => `QEMU refused ${command}: ${said}`,
  },
  qmpSilent: {
    status: 500,
    retriable: true,
    text: (path: string, ms: number) => `QEMU did not answer on ${path} within ${ms} ms.`,
  },
  qmpClosed: {
    status: 500,
    retriable: true,
    text: (path: string) => `QEMU closed ${path} before it answered.`,
  },
  noDomain: {
    status: 404,
    text: (serverId: string) => `Server ${serverId} does not exist on this host.`,
  },
  noCopy: {
    status: 404,
    text: (serverId: string, copy: string) => `Server ${serverId} has no copy ${copy} on this host.`,
  },
  notReachable: {
    status: 500,
    text: (host: string) => `No server can come to ${host} from other hosts: set virt.move_address there.`,
  },
  moveUnsecured: {
    status: 500,
    text: (what: string) => `Disks go between hosts over TLS, and there is no certificate for ${what}.`,
  },
  noMovePort: {
    status: 500,
    retriable: true,
    text: (address: string, first: number, last: number) =>
      `No port of ${address} between ${first} and ${last} is free for a server that arrives.`,
  },
  cannotMove: {
    status: 501,
    text: (driver: string) => `Hosts of the driver ${driver} cannot move servers.`,
  },
  notRunning: {
    status: 409,
    text: (serverId: string) => `Server ${serverId} does not run on this host.`,
  },
  noFreeSlot: {
    status: 409,
    text: (serverId: string, count: number) =>
      `Server ${serverId} has no free slot; it holds ${count} volumes and ports at most.`,
  },
  guestKeeps: {
    status: 409,
    retriable: true,
    text: (serverId: string, device: string, ms: number) =>
      `The guest of server ${serverId} did not let go of ${device} within ${ms} ms; unmount it in the guest.`,
  },
  unreachable: {
    status: 500,
    text: (user: string, path: string) =>
      `Guests run as user ${user}, who cannot open ${path}; every folder above it needs the right to pass (x).`,
  },
  suspended: {
    status: 409,
    text: (serverId: string) => `Server ${serverId} is suspended; resume it first.`,
  },
  noCertificate: {
    status: 409,
    text: (volumeId: string) =>
      `Volume ${volumeId} is on another host and comes over TLS, for which this host has no certificate.`,
  },
  startedWithoutTls: {
    status: 409,
    text: (serverId: string) =>
      `Server ${serverId} was started before its host had a certificate; reboot it hard, then attach again.`,
  },
});
