// QEMU's command line for a server: a pure function of what is known about it. Devices are placed by hand, so
// that a guest finds the same names after every start, and a suspended one fits its memory.
import { basename } from "node:path";
import type { Uuid } from "@micronova/kit";
import {
  nicDevice,
  nicDeviceId,
  nicNetdev,
  type QemuObject,
  slotBus,
  slotCount,
  tlsObject,
  volumeDevice,
  volumeDeviceId,
  volumeNode,
} from "./devices.ts";
import type { Domain, DomainFiles } from "./domain.ts";

export type Accelerator = "kvm" | "tcg";

export interface LaunchOptions {
  readonly accelerator: Accelerator;
  /** `uid:gid` that QEMU becomes once it has opened everything; null to stay who it is. */
  readonly runAs: string | null;
  /** Waits for the memory of a suspended server instead of starting its processors. */
  readonly stopped: boolean;
  /** Volumes that are block devices of this host. */
  readonly blockDevices: ReadonlySet<Uuid>;
  /** Holds the host's certificate, under QEMU's names; absent when it has none. */
  readonly tlsFolder?: string | null;
}

// Translated code is cached; the default of an eighth of the guest's memory is what it is, this bounds big
// guests.
const translationCacheMb = 256;
// Function numbers of one PCI slot.
const functionsOfSlot = 8;
// Places on the root bus: own disks first, in the order the guest shall name them.
const firstDiskSlot = 2;
const scsiSlot = 6;
const randomSlot = 7;
const firstPortSlot = 16;

export function qemuArguments(domain: Domain, files: DomainFiles, options: LaunchOptions): string[] {
  const { spec } = domain;
  return [
    ...machineArguments(options),
    ...["-name", `guest=${spec.serverId},process=micronova`, "-uuid", spec.serverId],
    ...["-smbios", `type=1,${smbios(spec.serverId)}`],
    ...["-m", `${spec.memoryMb}M`, "-smp", `${spec.vcpus}`],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"],
    ...monitor("qmp", files.qmpSocket),
    ...monitor("watch", files.watchSocket),
    ...["-chardev", serialChardev(files), "-serial", "chardev:serial"],
    ...kernelArguments(domain),
    ...Array.from({ length: slotCount }, (_, slot) => device(rootPort(slot))).flat(),
    ...device({ driver: "virtio-rng-pci", bus: "pcie.0", addr: hex(randomSlot) }),
    ...ownDisks(domain, files),
    ...configDrive(domain, files),
    ...tlsArguments(options),
    ...spec.volumes.flatMap((volume) => [
      ...block(volumeNode(volume, options.blockDevices.has(volume.volumeId))),
      ...device(volumeDevice(volume, slotOf(domain, volumeDeviceId(volume.volumeId)))),
    ]),
    ...spec.nics.flatMap((nic) => {
      const netdev = nicNetdev(nic);
      const host = netdev === null ? [] : ["-netdev", JSON.stringify(netdev)];
      return [...host, ...device(nicDevice(nic, slotOf(domain, nicDeviceId(nic.portId))))];
    }),
    ...["-pidfile", files.pidFile],
    // Last among the limits: no new programs, no obsolete calls, no priorities.
    ...["-sandbox", "on,obsolete=deny,spawn=deny,resourcecontrol=deny"],
    ...(options.runAs === null ? [] : ["-runas", options.runAs]),
    ...(options.stopped ? ["-S"] : []),
  ];
}

/** The block node whose qcow2 file keeps a suspended server's memory. */
export function stateNode(domain: Domain): string {
  return domain.spec.image === null ? "state" : "root";
}

function machineArguments({ accelerator }: LaunchOptions): string[] {
  const accel = accelerator === "kvm" ? "kvm" : `tcg,tb-size=${translationCacheMb}`;
  const cpu = accelerator === "kvm" ? "host" : "max";
  // A fixed version: the same devices at the next start, and after an upgrade of QEMU.
  const machine = "pc-q35-7.2,usb=off,vmport=off,hpet=off,dump-guest-core=off";
  return ["-machine", machine, "-accel", accel, "-cpu", cpu];
}

/** What cloud-init looks for to know that it runs on OpenStack. */
function smbios(serverId: string): string {
  return `manufacturer=OpenStack Foundation,product=OpenStack Nova,serial=${serverId},uuid=${serverId},family=Virtual Machine`;
}

function monitor(id: string, path: string): string[] {
  const socket = `socket,id=${id},path=${basename(path)},server=on,wait=off`;
  return ["-chardev", socket, "-mon", `chardev=${id},mode=control`];
}

/**
 * A socket for whoever attaches, and everything said appended to the log in any case. Sockets are named from
 * the folder in which QEMU starts: their paths hold 107 bytes, and a data directory may be deep.
 */
function serialChardev({ serialSocket, consoleLog }: DomainFiles): string {
  const log = `logfile=${escaped(consoleLog)},logappend=on`;
  return `socket,id=serial,path=${basename(serialSocket)},server=on,wait=off,${log}`;
}

function kernelArguments({ spec }: Domain): string[] {
  if (spec.kernel === null) return [];
  const { kernelPath, ramdiskPath, commandLine } = spec.kernel;
  const ramdisk = ramdiskPath === null ? [] : ["-initrd", ramdiskPath];
  return ["-kernel", kernelPath, ...ramdisk, "-append", commandLine];
}

/** For volumes of other hosts, now or plugged in later. */
function tlsArguments({ tlsFolder = null }: LaunchOptions): string[] {
  return tlsFolder === null ? [] : ["-object", JSON.stringify(tlsObject(tlsFolder))];
}

function rootPort(slot: number): QemuObject {
  const place = firstPortSlot + Math.floor(slot / functionsOfSlot);
  const part = slot % functionsOfSlot;
  const first = part === 0 ? { multifunction: true } : {};
  return {
    driver: "pcie-root-port",
    id: slotBus(slot),
    bus: "pcie.0",
    addr: `${hex(place)}.${hex(part)}`,
    chassis: slot + 1,
    ...first,
  };
}

/** Root, ephemeral and swap disk: never unplugged, hence on the root bus itself. */
function ownDisks({ spec }: Domain, files: DomainFiles): string[] {
  // With a kernel given, QEMU's own loader has the first place in the order.
  const boot = spec.kernel === null ? { bootindex: 0 } : {};
  const disks = [
    ...(spec.image === null ? [] : [{ node: "root", path: files.rootDisk, boot }]),
    ...(spec.ephemeralGb === 0 ? [] : [{ node: "ephemeral", path: files.ephemeralDisk, boot: {} }]),
    ...(spec.swapMb === 0 ? [] : [{ node: "swap", path: files.swapDisk, boot: {} }]),
  ];
  const state = spec.image === null ? block(qcow2Node("state", files.stateDisk)) : [];
  const own = disks.flatMap(({ node, path, boot }, at) => {
    const addr = hex(firstDiskSlot + at);
    const front = { driver: "virtio-blk-pci", id: node, bus: "pcie.0", addr, drive: node, ...boot };
    return [...block(qcow2Node(node, path)), ...device(front)];
  });
  return [...state, ...own];
}

/** A CD behind virtio-scsi: it takes no disk's name, and every cloud image has the driver. */
function configDrive({ hasConfigDrive }: Domain, files: DomainFiles): string[] {
  if (!hasConfigDrive) return [];
  const file = { driver: "file", filename: files.configDrive };
  return [
    ...block({ driver: "raw", "node-name": "config", "read-only": true, file }),
    ...device({ driver: "virtio-scsi-pci", id: "scsi", bus: "pcie.0", addr: hex(scsiSlot) }),
    ...device({ driver: "scsi-cd", id: "config", bus: "scsi.0", drive: "config" }),
  ];
}

function qcow2Node(name: string, path: string): QemuObject {
  return { driver: "qcow2", "node-name": name, discard: "unmap", file: { driver: "file", filename: path } };
}

function slotOf(domain: Domain, deviceId: string): number {
  const slot = domain.slots[deviceId];
  if (slot === undefined) throw new Error(`${deviceId} of server ${domain.spec.serverId} has no slot`);
  return slot;
}

function device(object: QemuObject): string[] {
  return ["-device", JSON.stringify(object)];
}

function block(object: QemuObject): string[] {
  return ["-blockdev", JSON.stringify(object)];
}

/** In QEMU's key=value lists a comma is written twice. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
