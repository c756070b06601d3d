// Moving servers between hosts while they are off. All that is kept of a server lies in a folder: the guest's
// own, one for each copy that was put aside, and one for disks that arrive. A move of the folder is the whole
// of putting aside and coming back, so that a crash leaves one or the other.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { run, type Uuid } from "@micronova/kit";
import type { DiskTarget, DomainInfo, DomainSpec, KeptCopy, MigrationDriver, OwnDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { nullWhenAbsent } from "../files.ts";
import { nicDeviceId, volumeDeviceId, withoutSlot, withSlot } from "./devices.ts";
import { sendDisk, startReceiver, stopReceiver } from "./disk-receiver.ts";
import { type Domain, type DomainFiles, diskFile, filesIn, newDomain } from "./domain.ts";
import { domainInfo, type Host, isRunning, launch } from "./host.ts";
import { powerOff } from "./power.ts";
import { stopQemu } from "./process.ts";

type Arriving = Parameters<MigrationDriver["receive"]>[1];
type Now = Parameters<MigrationDriver["comeBack"]>[2];

// Terabytes over a slow network; a move that takes longer is given up by who asked for it.
const copyTimeoutMs = 24 * 3_600_000;
const bytesPerGb = 1024 ** 3;
const bytesPerMb = 1024 ** 2;

/** One thing at a time for each server. */
type Of = <T>(serverId: Uuid, work: (host: Host) => Promise<T>) => Promise<T>;

export function qemuMigration(of: Of): MigrationDriver {
  return {
    disks: (serverId) => of(serverId, (host) => disksOf(host, serverId)),
    receive: (serverId, what) => of(serverId, (host) => receive(host, serverId, what)),
    unreceive: (serverId) => of(serverId, (host) => unreceive(host, serverId)),
    leave: (serverId, copy, { graceMs }) => of(serverId, (host) => leave(host, serverId, { copy, graceMs })),
    send: (serverId, copy, to) => of(serverId, (host) => send(host, serverId, { copy, to })),
    arrive: (spec, on) => of(spec.serverId, (host) => arrive(host, spec, on)),
    comeBack: (serverId, copy, now) => of(serverId, (host) => comeBack(host, serverId, { copy, now })),
    drop: (serverId) => of(serverId, (host) => drop(host, serverId)),
    forget: (serverId, copy) =>
      of(serverId, (host) => rm(host.store.aside(serverId, copy), { recursive: true, force: true })),
    copies: () => of("copies", copiesOn),
  };
}

async function disksOf(host: Host, serverId: Uuid): Promise<readonly OwnDisk[]> {
  const { spec } = await host.store.get(serverId);
  const files = host.store.files(serverId);
  return Promise.all(
    diskNames(spec).map(async (name) => ({ name, bytes: await sizeOf(diskFile(files, name)) })),
  );
}

function diskNames({ image, ephemeralGb, swapMb }: DomainSpec): readonly OwnDisk["name"][] {
  return [
    ...(image === null ? [] : (["root"] as const)),
    ...(ephemeralGb === 0 ? [] : (["ephemeral"] as const)),
    ...(swapMb === 0 ? [] : (["swap"] as const)),
  ];
}

async function sizeOf(path: string): Promise<number> {
  const { stdout } = await run("qemu-img", ["info", "-U", "--output=json", "-f", "qcow2", path]);
  return Number(JSON.parse(stdout)["virtual-size"]);
}

async function receive(host: Host, serverId: Uuid, what: Arriving): Promise<DiskTarget> {
  return startReceiver(await receiverDeps(host), arriving(host, serverId), what);
}

async function receiverDeps({ platform, moves, certificate }: Host) {
  return { clock: platform.clock, options: moves, certificate: await certificate() };
}

const arriving = (host: Host, serverId: Uuid): DomainFiles => filesIn(host.store.arriving(serverId));

async function unreceive(host: Host, serverId: Uuid): Promise<void> {
  const files = arriving(host, serverId);
  await stopReceiver(host.platform.clock, files);
  await rm(files.folder, { recursive: true, force: true });
}

async function leave(
  host: Host,
  serverId: Uuid,
  { copy, graceMs }: { readonly copy: Uuid; readonly graceMs: number },
): Promise<void> {
  const aside = host.store.aside(serverId, copy);
  if ((await readdir(aside).catch(nullWhenAbsent)) !== null) return;
  // Throws for a server that is not here.
  await host.store.get(serverId);
  await powerOff(host, serverId, graceMs);
  await mkdir(dirname(aside), { recursive: true, mode: 0o700 });
  await rename(host.store.files(serverId).folder, aside);
}

async function send(
  host: Host,
  serverId: Uuid,
  { copy, to }: { readonly copy: Uuid; readonly to: DiskTarget },
): Promise<void> {
  const files = filesIn(host.store.aside(serverId, copy));
  const domain = await host.store.read(files);
  if (domain === null) throw driverErrors.noCopy(serverId, copy);
  const tlsFolder = await host.tlsFolder();
  for (const name of diskNames(domain.spec))
    await sendDisk(diskFile(files, name), name, { serverId, to, tlsFolder, timeoutMs: copyTimeoutMs });
}

async function arrive(host: Host, spec: DomainSpec, on: boolean): Promise<DomainInfo> {
  const { serverId } = spec;
  if ((await host.store.find(serverId)) === null) {
    const files = arriving(host, serverId);
    if ((await readdir(files.folder).catch(nullWhenAbsent)) === null)
      throw driverErrors.noCopy(serverId, "arriving");
    await stopReceiver(host.platform.clock, files);
    await grow(files, spec);
    await host.disks.make(spec, files);
    await host.store.write(files, newDomain(spec));
    await mkdir(dirname(host.store.files(serverId).folder), { recursive: true, mode: 0o700 });
    await rename(files.folder, host.store.files(serverId).folder);
  }
  return settled(host, await host.store.get(serverId), on);
}

/** Disks that are smaller than wanted become larger; what they hold stays at their beginning. */
async function grow(files: DomainFiles, spec: DomainSpec): Promise<void> {
  const wanted = {
    root: spec.rootGb * bytesPerGb,
    ephemeral: spec.ephemeralGb * bytesPerGb,
    swap: spec.swapMb * bytesPerMb,
  };
  for (const name of await arrivedDisks(files)) {
    const path = diskFile(files, name);
    if ((await sizeOf(path)) >= wanted[name]) continue;
    await run("qemu-img", ["resize", "-q", "-f", "qcow2", path, String(wanted[name])]);
  }
}

async function arrivedDisks(files: DomainFiles): Promise<readonly OwnDisk["name"][]> {
  const there = new Set(await readdir(files.folder));
  return (["root", "ephemeral", "swap"] as const).filter((name) =>
    there.has(diskFile(files, name).slice(files.folder.length + 1)),
  );
}

async function comeBack(
  host: Host,
  serverId: Uuid,
  { copy, now }: { readonly copy: Uuid; readonly now: Now },
): Promise<DomainInfo> {
  const aside = filesIn(host.store.aside(serverId, copy));
  const left = await host.store.read(aside);
  if (left !== null) {
    await host.store.write(aside, withDevices(left, now));
    await rename(aside.folder, host.store.files(serverId).folder);
  }
  const domain = await host.store.find(serverId);
  if (domain === null) throw driverErrors.noCopy(serverId, copy);
  return settled(host, domain, now.on);
}

/** The same guest with the cards and volumes of now; those it keeps stay where the guest knows them. */
function withDevices(domain: Domain, { nics, volumes }: Now): Domain {
  const wanted = [
    ...nics.map(({ portId }) => nicDeviceId(portId)),
    ...volumes.map(({ volumeId }) => volumeDeviceId(volumeId)),
  ];
  const gone = Object.keys(domain.slots).filter((device) => !wanted.includes(device));
  const kept = gone.reduce((slots, device) => withoutSlot(slots, device), domain.slots);
  const slots = wanted.reduce((all, device) => withSlot(all, device, domain.spec.serverId), kept);
  return { ...domain, slots, spec: { ...domain.spec, nics, volumes } };
}

/** On or off, as wanted, whatever an earlier try came to. */
async function settled(host: Host, domain: Domain, on: boolean): Promise<DomainInfo> {
  const { serverId } = domain.spec;
  if (on && !(await isRunning(host, serverId))) await launch(host, domain);
  if (!on) await powerOff(host, serverId, 0);
  const info = await domainInfo(host, serverId);
  if (info === null) throw driverErrors.noDomain(serverId);
  return info;
}

async function drop(host: Host, serverId: Uuid): Promise<void> {
  await stopQemu(host.platform.clock, serverId, host.store.files(serverId));
  await host.store.remove(serverId);
}

async function copiesOn({ store }: Host): Promise<readonly KeptCopy[]> {
  const kept: KeptCopy[] = [];
  for (const serverId of (await readdir(store.asideFolder).catch(nullWhenAbsent)) ?? [])
    for (const copy of await readdir(`${store.asideFolder}/${serverId}`)) kept.push({ serverId, copy });
  for (const serverId of (await readdir(store.arrivingFolder).catch(nullWhenAbsent)) ?? [])
    kept.push({ serverId, copy: null });
  return kept;
}

export async function domainsAside(host: Host): Promise<readonly (Domain | null)[]> {
  const aside = (await copiesOn(host)).flatMap(({ serverId, copy }) =>
    copy === null ? [] : [filesIn(host.store.aside(serverId, copy))],
  );
  return Promise.all(aside.map((files) => host.store.read(files)));
}

/** Everything of the server that is not its guest. */
export async function removeCopies(host: Host, serverId: Uuid): Promise<void> {
  await unreceive(host, serverId);
  await rm(`${host.store.asideFolder}/${serverId}`, { recursive: true, force: true });
}
