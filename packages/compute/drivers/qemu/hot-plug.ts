// Disks and NICs that come and go while the guest runs. Each step looks first whether it was done already:
// after a crash the same call goes on where the last one ended.
import { realpath, stat } from "node:fs/promises";
import { isFault, type Uuid } from "@micronova/kit";
import type { Nic, VolumeDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import {
  nicDevice,
  nicDeviceId,
  nicNetdev,
  tlsId,
  volumeDevice,
  volumeDeviceId,
  volumeNode,
  volumeNodeName,
} from "./devices.ts";
import type { Qmp } from "./qmp.ts";

// A guest that runs lets go within a tenth of a second. One that still boots does not hear the first request,
// so it is asked again.
const releaseMs = 2_000;
const releaseTries = 10;

export async function plugVolume(qmp: Qmp, serverId: Uuid, volume: VolumeDisk, slot: number): Promise<void> {
  if (isOverTls(volume) && !(await hasObject(qmp, "/objects", tlsId)))
    throw driverErrors.startedWithoutTls(serverId);
  const node = volumeNode(volume, await isBlockDevice(volume));
  if (!(await nodes(qmp)).has(volumeNodeName(volume.volumeId))) await qmp.execute("blockdev-add", node);
  if (await hasDevice(qmp, volumeDeviceId(volume.volumeId))) return;
  await qmp.execute("device_add", volumeDevice(volume, slot));
}

export async function unplugVolume(qmp: Qmp, serverId: Uuid, volumeId: Uuid): Promise<void> {
  await unplugDevice(qmp, serverId, volumeDeviceId(volumeId));
  const node = volumeNodeName(volumeId);
  if ((await nodes(qmp)).has(node)) await qmp.execute("blockdev-del", { "node-name": node });
}

export async function plugNic(qmp: Qmp, nic: Nic, slot: number): Promise<void> {
  if (await hasDevice(qmp, nicDeviceId(nic.portId))) return;
  const netdev = nicNetdev(nic);
  if (netdev !== null) {
    // Left by an attempt that was cut short; a host's end without a device is of no use.
    await removeNetdev(qmp, nic.portId);
    await qmp.execute("netdev_add", netdev);
  }
  await qmp.execute("device_add", nicDevice(nic, slot));
}

export async function unplugNic(qmp: Qmp, serverId: Uuid, portId: Uuid): Promise<void> {
  await unplugDevice(qmp, serverId, nicDeviceId(portId));
  await removeNetdev(qmp, portId);
}

/**
 * The volume by the path of what it really is: a worker's stable name is a link in a folder that is not for
 * guests' users, and may point to another device after a restart of the machine.
 */
export async function resolved(volume: VolumeDisk): Promise<VolumeDisk> {
  return volume.kind === "nbd" ? volume : { ...volume, path: await realpath(volume.path) };
}

export async function isBlockDevice(volume: VolumeDisk): Promise<boolean> {
  return volume.kind !== "nbd" && (await stat(volume.path)).isBlockDevice();
}

export function isOverTls(volume: VolumeDisk): boolean {
  return volume.kind === "nbd" && volume.tlsName !== null;
}

async function unplugDevice(qmp: Qmp, serverId: Uuid, device: string): Promise<void> {
  for (let attempt = 0; attempt < releaseTries; attempt++) {
    if (!(await hasDevice(qmp, device))) return;
    // A request that is still pending is refused; the wait is the same.
    await qmp.execute("device_del", { id: device }).catch(unlessRefused);
    const gone = await qmp.saw(
      ({ event, data }) => event === "DEVICE_DELETED" && data["device"] === device,
      releaseMs,
    );
    if (gone) return;
  }
  if (!(await hasDevice(qmp, device))) return;
  throw driverErrors.guestKeeps(serverId, device, releaseMs * releaseTries);
}

function unlessRefused(error: unknown): void {
  if (!isFault(error, driverErrors.qmpFailed)) throw error;
}

function hasDevice(qmp: Qmp, device: string): Promise<boolean> {
  return hasObject(qmp, "/machine/peripheral", device);
}

async function hasObject(qmp: Qmp, path: string, id: string): Promise<boolean> {
  const list = await qmp.execute<readonly { name: string }[]>("qom-list", { path });
  return list.some(({ name }) => name === id);
}

async function nodes(qmp: Qmp): Promise<ReadonlySet<string>> {
  const list = await qmp.execute<readonly { "node-name": string }[]>("query-named-block-nodes", {
    flat: true,
  });
  return new Set(list.map((node) => node["node-name"]));
}

/** Absence is refused and no error: QEMU has no query for the host's ends of NICs. */
async function removeNetdev(qmp: Qmp, portId: Uuid): Promise<void> {
  await qmp.execute("netdev_del", { id: `net-${portId}` }).catch(unlessRefused);
}
