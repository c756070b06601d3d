// What the host remembers about a server: one folder each, with its description, disks, console and sockets.
// The description is replaced as a whole, so that a crash leaves the old one or the new one.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Uuid } from "@micronova/kit";
import type { DomainSpec, OwnDisk, VolumeDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { nullWhenAbsent } from "../files.ts";
import { nicDeviceId, volumeDeviceId, volumeName, withSlot } from "./devices.ts";

export interface Domain {
  /**
   * As spawned, with the volumes and NICs of now. The config drive's content is left out: it stands on its
   * disk.
   */
  readonly spec: DomainSpec;
  readonly hasConfigDrive: boolean;
  /** Which root port each volume and NIC sits behind, by device id; kept, so that names in the guest stay. */
  readonly slots: Readonly<Record<string, number>>;
  readonly suspended: boolean;
  /** The last reboot, so that the same operation is not done twice. */
  readonly reboot: { readonly operation: string; readonly done: boolean } | null;
}

export interface DomainFiles {
  readonly folder: string;
  readonly description: string;
  readonly rootDisk: string;
  readonly ephemeralDisk: string;
  readonly swapDisk: string;
  /** Holds the memory of a suspended server that has no root disk of its own. */
  readonly stateDisk: string;
  readonly configDrive: string;
  readonly consoleLog: string;
  readonly serialSocket: string;
  readonly qmpSocket: string;
  /** A second door for looking: an operation may hold the first for seconds. */
  readonly watchSocket: string;
  readonly pidFile: string;
  /** What QEMU itself says, mostly when it does not start. */
  readonly qemuLog: string;
}

export interface DomainStore {
  files(serverId: Uuid): DomainFiles;
  /** Servers that left anything here, complete or not. */
  ids(): Promise<readonly Uuid[]>;
  find(serverId: Uuid): Promise<Domain | null>;
  get(serverId: Uuid): Promise<Domain>;
  save(domain: Domain): Promise<void>;
  remove(serverId: Uuid): Promise<void>;
  /** A description that lies in another folder than the guest's own. */
  read(files: DomainFiles): Promise<Domain | null>;
  write(files: DomainFiles, domain: Domain): Promise<void>;
  /** What was put aside, by server and copy, and what arrives, by server. */
  readonly asideFolder: string;
  readonly arrivingFolder: string;
  aside(serverId: Uuid, copy: Uuid): string;
  arriving(serverId: Uuid): string;
}

// Disks, consoles and config drives are nobody else's. QEMU opens them before it becomes the guests' user.
const folderMode = 0o700;
const descriptionMode = 0o600;

export function domainStore(stateDir: string): DomainStore {
  const folder = join(stateDir, "servers");
  const asideFolder = join(stateDir, "moved");
  const arrivingFolder = join(stateDir, "arriving");
  const files = (serverId: Uuid) => filesIn(join(folder, serverId));
  const find = (serverId: Uuid) => read(files(serverId));
  return {
    files,
    find,
    ids: async () => (await readdir(folder).catch(nullWhenAbsent)) ?? [],
    async get(serverId) {
      const domain = await find(serverId);
      if (domain === null) throw driverErrors.noDomain(serverId);
      return domain;
    },
    save: (domain) => write(files(domain.spec.serverId), domain),
    read,
    write,
    asideFolder,
    arrivingFolder,
    aside: (serverId, copy) => join(asideFolder, serverId, copy),
    arriving: (serverId) => join(arrivingFolder, serverId),
    remove: (serverId) => rm(files(serverId).folder, { recursive: true, force: true }),
  };
}

/** What is remembered of a server from its start on. */
export function newDomain(spec: DomainSpec): Domain {
  const { serverId, configDrive, nics } = spec;
  const volumes: VolumeDisk[] = [];
  for (const volume of spec.volumes) {
    volumes.push({ ...volume, device: volumeName({ ...spec, volumes }, volume) });
  }
  const devices = [
    ...nics.map(({ portId }) => nicDeviceId(portId)),
    ...volumes.map(({ volumeId }) => volumeDeviceId(volumeId)),
  ];
  return {
    spec: { ...spec, volumes, configDrive: null },
    hasConfigDrive: configDrive !== null,
    slots: devices.reduce((slots, device) => withSlot(slots, device, serverId), {}),
    suspended: false,
    reboot: null,
  };
}

async function read({ description }: DomainFiles): Promise<Domain | null> {
  const text = await readFile(description, "utf8").catch(nullWhenAbsent);
  return text === null ? null : JSON.parse(text);
}

async function write({ folder, description }: DomainFiles, domain: Domain): Promise<void> {
  await mkdir(folder, { recursive: true, mode: folderMode });
  await writeFile(`${description}.new`, JSON.stringify(domain), { mode: descriptionMode });
  await rename(`${description}.new`, description);
}

export function diskFile(files: DomainFiles, name: OwnDisk["name"]): string {
  return { root: files.rootDisk, ephemeral: files.ephemeralDisk, swap: files.swapDisk }[name];
}

export function filesIn(folder: string): DomainFiles {
  const at = (name: string) => join(folder, name);
  return {
    folder,
    description: at("spec.json"),
    rootDisk: at("disk.qcow2"),
    ephemeralDisk: at("ephemeral.qcow2"),
    swapDisk: at("swap.qcow2"),
    stateDisk: at("state.qcow2"),
    configDrive: at("config.iso"),
    consoleLog: at("console.log"),
    serialSocket: at("serial.sock"),
    qmpSocket: at("qmp.sock"),
    watchSocket: at("watch.sock"),
    pidFile: at("pid"),
    qemuLog: at("qemu.log"),
  };
}
