// How what the driver makes on a host is called. Devices have at most 15 characters, so they carry a part of
// a port's or network's id, and the whole truth in their alias; tables and folders carry the cloud's id. Thus
// several clouds can share a machine, and a cloud finds what it made even when its own notes are lost.
import type { Uuid } from "@micronova/kit";

/** The first characters of an id that still fit a device's name after a prefix of three, as in Neutron. */
const idCharacters = 11;

export const tapName = (portId: Uuid) => `tap${portId.slice(0, idCharacters)}`;
export const bridgeName = (networkId: Uuid) => `brq${networkId.slice(0, idCharacters)}`;
/** The network's way to other hosts. */
export const overlayName = (networkId: Uuid) => `vxl${networkId.slice(0, idCharacters)}`;

/** Shared by every cloud on the machine. */
export const tablePrefix = "micronova_";
export const tableName = (cloudId: Uuid) => `${tablePrefix}${cloudId.slice(0, 8)}`;

export type DeviceKind = "network" | "port" | "overlay";
const deviceKinds: readonly string[] = ["network", "port", "overlay"] satisfies DeviceKind[];

export function aliasOf(cloudId: Uuid, kind: DeviceKind, id: Uuid): string {
  return `micronova:${cloudId}:${kind}:${id}`;
}

/** Whose device it is; null when it is not this cloud's. */
export function readAlias(cloudId: Uuid, alias: string | undefined): { kind: DeviceKind; id: Uuid } | null {
  const [owner, cloud, kind, id] = (alias ?? "").split(":");
  if (owner !== "micronova" || cloud !== cloudId || id === undefined) return null;
  // It is one of them.
  return kind !== undefined && deviceKinds.includes(kind) ? { kind: kind as DeviceKind, id } : null;
}

/** A bridge keeps one address of its own; without it the kernel gives it the lowest of its taps'. */
export function bridgeMac(networkId: Uuid): string {
  return `fa:16:3f:${networkId.slice(0, 6).replace(/(..)(?=.)/g, "$1:")}`;
}

/** The host's end of a tap: as the guest's, with a first byte so high that a bridge never prefers it. */
export function tapMac(guestMac: string): string {
  return `fe${guestMac.slice(2)}`;
}
