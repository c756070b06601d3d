// What every part of the driver works with: the store of domains, the disks, how guests run here; and the few
// acts the parts share, such as launching a guest and asking how it is.
import type { Platform, Uuid } from "@micronova/kit";
import type { DomainInfo, PowerState, VolumeDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { type Accelerator, qemuArguments } from "./arguments.ts";
import type { MoveOptions } from "./disk-receiver.ts";
import type { Disks } from "./disks.ts";
import type { Domain, DomainStore } from "./domain.ts";
import { isBlockDevice, isOverTls, resolved } from "./hot-plug.ts";
import { findQemu, startQemu, withQmp } from "./process.ts";
import type { Qmp } from "./qmp.ts";
import type { HostCertificate } from "./tls-folder.ts";
import type { GuestUser } from "./user.ts";

export interface Host {
  readonly platform: Platform;
  readonly store: DomainStore;
  readonly disks: Disks;
  readonly accelerator: Accelerator;
  readonly user: GuestUser | null;
  /** Holds the host's certificate, under QEMU's names for clients; null while it has none. */
  readonly tlsFolder: () => Promise<string | null>;
  readonly certificate: () => Promise<HostCertificate | null>;
  readonly moves: MoveOptions;
}

/** QEMU's run states (`RunState` in its schema) as power states. What is not here is on its way: paused. */
const powerOf: Readonly<Record<string, PowerState>> = {
  running: "running",
  shutdown: "shutdown",
  "guest-panicked": "crashed",
  "internal-error": "crashed",
  "io-error": "crashed",
};

export async function launch(host: Host, domain: Domain, options = { stopped: false }): Promise<void> {
  const volumes = await Promise.all(domain.spec.volumes.map(resolved));
  await assertSecured(host, volumes);
  const kinds = await Promise.all(
    volumes.map(async (volume) => ((await isBlockDevice(volume)) ? [volume.volumeId] : [])),
  );
  const { serverId } = domain.spec;
  const files = host.store.files(serverId);
  const args = qemuArguments({ ...domain, spec: { ...domain.spec, volumes } }, files, {
    accelerator: host.accelerator,
    runAs: host.user === null ? null : `${host.user.uid}:${host.user.gid}`,
    blockDevices: new Set(kinds.flat()),
    tlsFolder: await host.tlsFolder(),
    stopped: options.stopped,
  });
  await startQemu(host.platform.clock, serverId, files, args);
}

/** Throws when a volume comes over TLS and this host has no certificate. */
export async function assertSecured(host: Host, volumes: readonly VolumeDisk[]): Promise<void> {
  const secured = volumes.find(isOverTls);
  if (secured === undefined || (await host.tlsFolder()) !== null) return;
  throw driverErrors.noCertificate(secured.volumeId);
}

export async function isRunning(host: Host, serverId: Uuid): Promise<boolean> {
  return (await findQemu(serverId, host.store.files(serverId))) !== null;
}

/** Talks to the running guest's QEMU; a guest that does not run is a fault. */
export async function talk<T>(host: Host, serverId: Uuid, work: (qmp: Qmp) => Promise<T>): Promise<T> {
  if (!(await isRunning(host, serverId))) throw driverErrors.notRunning(serverId);
  return withQmp(host.platform.clock, host.store.files(serverId).qmpSocket, work);
}

export async function powerState(host: Host, serverId: Uuid): Promise<PowerState> {
  if (!(await isRunning(host, serverId))) return "shutdown";
  const { watchSocket } = host.store.files(serverId);
  const status = await withQmp(host.platform.clock, watchSocket, (qmp) =>
    qmp.execute<{ readonly status: string }>("query-status"),
  );
  return powerOf[status.status] ?? "paused";
}

/**
 * Null when nothing of the server is here; a half made one shows as shut down, so that somebody removes it.
 */
export async function domainInfo(host: Host, serverId: Uuid): Promise<DomainInfo | null> {
  const domain = await host.store.find(serverId);
  if (domain === null) {
    const isHalfMade = (await host.store.ids()).includes(serverId);
    return isHalfMade ? { serverId, power: "shutdown", volumes: [], ports: [] } : null;
  }
  return {
    serverId,
    power: domain.suspended ? "suspended" : await powerState(host, serverId),
    volumes: domain.spec.volumes.map(({ volumeId }) => volumeId),
    ports: domain.spec.nics.map(({ portId }) => portId),
  };
}
