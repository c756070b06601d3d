// Disks and NICs as QEMU's own JSON objects: the same object is an argument at the start and a QMP command
// later.
import type { Uuid } from "@micronova/kit";
import type { DomainSpec, NbdDisk, Nic, VolumeDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";

export type QemuObject = Readonly<Record<string, unknown>>;

/**
 * Root ports for volumes and NICs: what a server can have at once. Each costs the guest about 10 ms of its
 * start.
 */
export const slotCount = 16;

export const volumeDeviceId = (volumeId: Uuid) => `volume-${volumeId}`;
export const nicDeviceId = (portId: Uuid) => `nic-${portId}`;
// Names of block nodes hold 31 characters at most.
export const volumeNodeName = (volumeId: Uuid) => `v${volumeId.replaceAll("-", "").slice(0, 30)}`;
const netdevId = (portId: Uuid) => `net-${portId}`;

/** The lowest free slot, unless the device has one already. */
export function withSlot(
  slots: Readonly<Record<string, number>>,
  device: string,
  serverId: Uuid,
): Readonly<Record<string, number>> {
  if (slots[device] !== undefined) return slots;
  const taken = new Set(Object.values(slots));
  const free = Array.from({ length: slotCount }, (_, slot) => slot).find((slot) => !taken.has(slot));
  if (free === undefined) throw driverErrors.noFreeSlot(serverId, slotCount);
  return { ...slots, [device]: free };
}

export function withoutSlot(
  slots: Readonly<Record<string, number>>,
  device: string,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(slots).filter(([other]) => other !== device));
}

/** A volume as a block node; of one on this host it is said whether it is a block device. */
export function volumeNode(volume: VolumeDisk, isBlockDevice: boolean): QemuObject {
  const node = { "node-name": volumeNodeName(volume.volumeId), discard: "unmap" };
  if (volume.kind === "nbd") return { ...node, ...nbdNode(volume) };
  const file = {
    driver: isBlockDevice ? "host_device" : "file",
    filename: volume.path,
    discard: "unmap",
  };
  return { ...node, driver: volume.format, file };
}

/** The object with this host's certificate, which every guest has from its start. */
export const tlsId = "tls";

// A volume's host that restarts is back by then; until then reads and writes wait.
const reconnectSeconds = 120;
// QEMU answers nobody while it connects for the first time.
const connectSeconds = 10;

function nbdNode({ address, port, exportName, tlsName }: NbdDisk): QemuObject {
  const tls = tlsName === null ? {} : { "tls-creds": tlsId, "tls-hostname": tlsName };
  return {
    driver: "nbd",
    server: { type: "inet", host: address, port: `${port}` },
    export: exportName,
    "reconnect-delay": reconnectSeconds,
    "open-timeout": connectSeconds,
    ...tls,
  };
}

/** QEMU reads the files while it is still who started it: guests' users may not. */
export function tlsObject(folder: string): QemuObject {
  return { "qom-type": "tls-creds-x509", id: tlsId, dir: folder, endpoint: "client", "verify-peer": true };
}

export function volumeDevice(volume: VolumeDisk, slot: number): QemuObject {
  return {
    driver: "virtio-blk-pci",
    id: volumeDeviceId(volume.volumeId),
    bus: slotBus(slot),
    drive: volumeNodeName(volume.volumeId),
    // The guest sees the first twenty characters, as with Nova's libvirt driver.
    serial: volume.volumeId,
    ...bootOrder(volume.bootIndex),
  };
}

/** The root disk is first; a negative index means never. */
function bootOrder(index: number | null): QemuObject {
  return index === null || index < 0 ? {} : { bootindex: index + 1 };
}

/** The host's end of a NIC; null when nothing is plugged. */
export function nicNetdev(nic: Nic): QemuObject | null {
  const id = netdevId(nic.portId);
  switch (nic.plug.kind) {
    case "tap":
      return { type: "tap", id, ifname: nic.plug.name, script: "no", downscript: "no" };
    case "user":
      return {
        type: "user",
        id,
        net: nic.plug.cidr,
        dhcpstart: nic.plug.address,
        hostfwd: [{ str: `tcp:127.0.0.1:${nic.plug.sshPort}-${nic.plug.address}:22` }],
      };
    case "none":
      return null;
  }
}

export function nicDevice(nic: Nic, slot: number): QemuObject {
  return {
    driver: "virtio-net-pci",
    id: nicDeviceId(nic.portId),
    bus: slotBus(slot),
    mac: nic.macAddress,
    host_mtu: nic.mtu,
    // Without the boot ROM the firmware does not try the network, and starts faster.
    romfile: "",
    ...(nic.plug.kind === "none" ? {} : { netdev: netdevId(nic.portId) }),
  };
}

/**
 * The name the API shows: the one asked for, or the next after the server's own disks and its other volumes.
 */
export function volumeName(spec: DomainSpec, volume: VolumeDisk): string {
  if (volume.device !== null) return volume.device;
  const taken = new Set(spec.volumes.map((other) => other.device));
  const own = [spec.image !== null, spec.ephemeralGb > 0, spec.swapMb > 0].filter(Boolean).length;
  const letters = "abcdefghijklmnopqrstuvwxyz".slice(own);
  const free = [...letters].find((letter) => !taken.has(`/dev/vd${letter}`));
  return `/dev/vd${free ?? "z"}`;
}

export function slotBus(slot: number): string {
  return `port${slot}`;
}
