// Guests as QEMU processes, driven over QMP without a daemon in between. A guest outlives the worker that
// started it; all that the driver knows stands in files, so that the next worker goes on from there.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Platform, Uuid } from "@micronova/kit";
import { sleepUnlessAborted } from "@micronova/kit";
import type { DomainInfo, DomainSpec, HostInventory, Nic, VirtDriver, VolumeDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { lanes } from "../lanes.ts";
import { type AcceleratorChoice, chooseAccelerator } from "./accelerator.ts";
import { readConsole, rotateConsole } from "./console.ts";
import { nicDeviceId, volumeDeviceId, volumeName, withoutSlot, withSlot } from "./devices.ts";
import type { MoveOptions } from "./disk-receiver.ts";
import { baseName, disks } from "./disks.ts";
import { domainStore, newDomain } from "./domain.ts";
import { assertSecured, domainInfo, type Host, isRunning, launch, talk } from "./host.ts";
import { plugNic, plugVolume, resolved, unplugNic, unplugVolume } from "./hot-plug.ts";
import { hostInventory, hostLoad, qemuVersion } from "./inventory.ts";
import { domainsAside, qemuMigration, removeCopies } from "./migration.ts";
import { pause, powerOff, powerOn, reboot, softRebootMs, suspend } from "./power.ts";
import { isStarted, stopQemu } from "./process.ts";
import { type HostCertificate, tlsFolderOf } from "./tls-folder.ts";
import { guestUser, letOpen, letOpenTaps } from "./user.ts";

export interface QemuDriverOptions {
  readonly platform: Platform;
  /**
   * Everything of this host's servers; folders above it must let the guests' user pass for disks plugged in
   * later.
   */
  readonly stateDir: string;
  readonly accelerator: AcceleratorChoice;
  /** Whom guests run as when this process is root; the default is `micronova`, else `nobody`. */
  readonly user?: string;
  /** How servers come to this host; by default only from itself. */
  readonly moves?: MoveOptions;
  /** By which other hosts know this one; it may come while the host runs. */
  readonly certificate?: () => Promise<HostCertificate | null>;
  /** How long a soft reboot waits for the guest before it becomes a hard one. */
  readonly softRebootMs?: number;
}

/** A server that is resized where it is. */
const noMoves: MoveOptions = {
  host: "localhost",
  address: async () => null,
  firstPort: 10_900,
  isInsecure: false,
};

// A guest that writes as fast as it can fills some tens of megabytes in this time.
const rotateEveryMs = 10_000;

export function qemuDriver(options: QemuDriverOptions): VirtDriver {
  const { platform, stateDir } = options;
  const store = domainStore(stateDir);
  const images = disks(join(stateDir, "images"));
  const inTurn = lanes();
  const stopping = new AbortController();
  let host: Host | null = null;
  let inventory: HostInventory | null = null;
  const tlsFolder = async () => {
    const certificate = (await options.certificate?.()) ?? null;
    return certificate === null
      ? null
      : tlsFolderOf(certificate, { folder: join(stateDir, "tls"), endpoint: "client" });
  };
  const started = (): Host => {
    if (host === null) throw new Error("the driver is used before it was started");
    return host;
  };
  const of = <T>(serverId: Uuid, work: (host: Host) => Promise<T>) =>
    inTurn.run(serverId, () => work(started()));
  return {
    name: "qemu",
    migration: qemuMigration(of),
    async start() {
      await mkdir(join(stateDir, "servers"), { recursive: true, mode: 0o700 });
      const version = await qemuVersion();
      inventory = await hostInventory(stateDir, version);
      const accelerator = await chooseAccelerator(
        platform,
        options.accelerator,
        join(stateDir, "accelerator.json"),
      );
      const user = await guestUser(options.user);
      const { moves = noMoves, certificate = async () => null } = options;
      host = { platform, store, disks: images, accelerator, user, tlsFolder, certificate, moves };
      await images.prune(await imagesInUse(host));
      void keepConsolesSmall(host, stopping.signal);
    },
    async stop() {
      stopping.abort();
    },
    async inventory() {
      inventory ??= await hostInventory(stateDir, await qemuVersion());
      return inventory;
    },
    load: () => hostLoad(stateDir),
    list: () => listDomains(started()),
    info: (serverId) => domainInfo(started(), serverId),
    spawn: (spec) => of(spec.serverId, (host) => spawn(host, spec)),
    destroy: (serverId) => of(serverId, (host) => destroy(host, serverId)),
    power: (serverId, on, options) =>
      of(serverId, (host) =>
        on ? powerOn(host, serverId) : powerOff(host, serverId, options?.graceMs ?? 0),
      ),
    reboot: (serverId, kind, operation) => {
      const graceMs = kind === "soft" ? (options.softRebootMs ?? softRebootMs) : 0;
      return of(serverId, (host) => reboot(host, serverId, { graceMs, operation }));
    },
    pause: (serverId, paused) => of(serverId, (host) => pause(host, serverId, paused)),
    suspend: (serverId, suspended) => of(serverId, (host) => suspend(host, serverId, suspended)),
    attachVolume: (serverId, volume) => of(serverId, (host) => attachVolume(host, serverId, volume)),
    detachVolume: (serverId, volumeId) => of(serverId, (host) => detachVolume(host, serverId, volumeId)),
    attachNic: (serverId, nic) => of(serverId, (host) => attachNic(host, serverId, nic)),
    detachNic: (serverId, portId) => of(serverId, (host) => detachNic(host, serverId, portId)),
    consoleOutput: (serverId, lines) => readConsole(store.files(serverId).consoleLog, lines),
  };
}

async function listDomains(host: Host): Promise<readonly DomainInfo[]> {
  const found = await Promise.all((await host.store.ids()).map((serverId) => domainInfo(host, serverId)));
  return found.filter((info) => info !== null);
}

async function spawn(host: Host, spec: DomainSpec): Promise<DomainInfo> {
  const { serverId } = spec;
  const files = host.store.files(serverId);
  const isRepeated = (await host.store.find(serverId)) !== null;
  if (!isRepeated || !(await isStarted(host.platform.clock, serverId, files))) {
    await mkdir(files.folder, { recursive: true, mode: 0o700 });
    await host.disks.make(spec, files);
    const domain = newDomain(spec);
    await host.store.save(domain);
    await launch(host, domain);
  }
  const info = await domainInfo(host, serverId);
  if (info === null) throw driverErrors.noDomain(serverId);
  return info;
}

async function destroy(host: Host, serverId: Uuid): Promise<void> {
  await removeCopies(host, serverId);
  await stopQemu(host.platform.clock, serverId, host.store.files(serverId));
  await host.store.remove(serverId);
}

/** Noted first: whatever happens next, detaching finds what there is to take away. */
async function attachVolume(host: Host, serverId: Uuid, asked: VolumeDisk): Promise<{ device: string }> {
  const domain = await host.store.get(serverId);
  if (domain.suspended) throw driverErrors.suspended(serverId);
  const known = domain.spec.volumes.find(({ volumeId }) => volumeId === asked.volumeId);
  const device = known?.device ?? volumeName(domain.spec, asked);
  const volume = { ...asked, device };
  const others = domain.spec.volumes.filter(({ volumeId }) => volumeId !== asked.volumeId);
  const deviceId = volumeDeviceId(asked.volumeId);
  const slots = withSlot(domain.slots, deviceId, serverId);
  await host.store.save({ ...domain, slots, spec: { ...domain.spec, volumes: [...others, volume] } });
  try {
    if (await isRunning(host, serverId)) {
      await assertSecured(host, [volume]);
      const disk = await resolved(volume);
      if (disk.kind !== "nbd") await letOpen(host.user, disk.path);
      await talk(host, serverId, (qmp) => plugVolume(qmp, serverId, disk, slots[deviceId]!));
    }
  } catch (error) {
    // A volume that cannot be plugged must not keep the server from its next start.
    if (known === undefined) await host.store.save(domain);
    throw error;
  }
  return { device };
}

async function detachVolume(host: Host, serverId: Uuid, volumeId: Uuid): Promise<void> {
  const domain = await host.store.find(serverId);
  if (domain === null) return;
  if (domain.suspended) throw driverErrors.suspended(serverId);
  if (await isRunning(host, serverId)) {
    await talk(host, serverId, (qmp) => unplugVolume(qmp, serverId, volumeId));
  }
  const volumes = domain.spec.volumes.filter((volume) => volume.volumeId !== volumeId);
  const slots = withoutSlot(domain.slots, volumeDeviceId(volumeId));
  await host.store.save({ ...domain, slots, spec: { ...domain.spec, volumes } });
}

async function attachNic(host: Host, serverId: Uuid, nic: Nic): Promise<void> {
  const domain = await host.store.get(serverId);
  if (domain.suspended) throw driverErrors.suspended(serverId);
  const others = domain.spec.nics.filter(({ portId }) => portId !== nic.portId);
  const deviceId = nicDeviceId(nic.portId);
  const slots = withSlot(domain.slots, deviceId, serverId);
  await host.store.save({ ...domain, slots, spec: { ...domain.spec, nics: [...others, nic] } });
  try {
    if (await isRunning(host, serverId)) {
      if (nic.plug.kind === "tap") await letOpenTaps(host.user);
      await talk(host, serverId, (qmp) => plugNic(qmp, nic, slots[deviceId]!));
    }
  } catch (error) {
    if (domain.slots[deviceId] === undefined) await host.store.save(domain);
    throw error;
  }
}

async function detachNic(host: Host, serverId: Uuid, portId: Uuid): Promise<void> {
  const domain = await host.store.find(serverId);
  if (domain === null) return;
  if (domain.suspended) throw driverErrors.suspended(serverId);
  if (await isRunning(host, serverId)) await talk(host, serverId, (qmp) => unplugNic(qmp, serverId, portId));
  const nics = domain.spec.nics.filter((nic) => nic.portId !== portId);
  const slots = withoutSlot(domain.slots, nicDeviceId(portId));
  await host.store.save({ ...domain, slots, spec: { ...domain.spec, nics } });
}

async function imagesInUse(host: Host): Promise<ReadonlySet<string>> {
  const guests = await Promise.all((await host.store.ids()).map((serverId) => host.store.find(serverId)));
  // What was put aside comes back over the same image.
  const domains = [...guests, ...(await domainsAside(host))];
  return new Set(domains.flatMap((domain) => (domain?.spec.image ? [baseName(domain.spec.image)] : [])));
}

async function keepConsolesSmall(host: Host, signal: AbortSignal): Promise<void> {
  const { clock, log } = host.platform;
  while (!signal.aborted) {
    try {
      for (const serverId of await host.store.ids())
        await rotateConsole(host.store.files(serverId).consoleLog);
    } catch (error) {
      log.warn({ error }, "console logs not rotated");
    }
    await sleepUnlessAborted(clock, rotateEveryMs, signal);
  }
}
