// A host that only pretends: servers are rows in memory, so that hundreds of hosts fit in one process and
// tests need no QEMU. With a `path` the rows are kept in a file before a call returns, and guests survive the
// cloud as real ones do.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Millis, Platform, Uuid } from "@micronova/kit";
import type {
  DomainInfo,
  DomainSpec,
  HostInventory,
  Nic,
  PowerState,
  VirtDriver,
  VolumeDisk,
} from "./driver.ts";
import { driverErrors } from "./errors.ts";
import { nullWhenAbsent } from "./files.ts";
import { lanes } from "./lanes.ts";

export interface FakeDriverOptions {
  readonly platform: Platform;
  readonly inventory?: Partial<HostInventory>;
  /** How long each call that changes a guest pretends to work. */
  readonly delayMs?: Millis;
  /** Where the guests are kept; without it they end with the process. */
  readonly path?: string;
}

interface FakeDomain {
  readonly spec: DomainSpec;
  readonly power: PowerState;
  readonly lastReboot: string | null;
  readonly console: string;
}

type FakeDomains = ReadonlyMap<Uuid, FakeDomain>;

/** A large host: room for what tests and benchmarks ask of a few of them. */
const defaultInventory: HostInventory = {
  hypervisorType: "fake",
  hypervisorVersion: 1_000,
  architecture: "x86_64",
  vcpus: 128,
  memoryMb: 512 * 1024,
  diskGb: 8 * 1024,
  cpuInfo: {
    vendor: "GenuineIntel",
    model: "Fake",
    features: ["sse4.2", "vmx"],
    topology: { sockets: 2, cores: 32, threads: 2 },
  },
  hostIp: "127.0.0.1",
};
// A console keeps its end.
const consoleCharsMax = 64 * 1024;
const bytesPerMb = 1024;

export interface FakeDriver extends VirtDriver {
  /** The host loses its power: guests are off, their disks remain. */
  loseGuests(): void;
}

export function fakeDriver(options: FakeDriverOptions): FakeDriver {
  const { platform, delayMs = 0 } = options;
  const inventory = { ...defaultInventory, ...options.inventory };
  const domains = new Map<Uuid, FakeDomain>();
  const file = options.path === undefined ? null : domainFile(options.path);
  const inTurn = lanes();
  /** One change of one server: what it becomes, or null to remove it. */
  const change = (serverId: Uuid, decide: (domain: FakeDomain | null) => FakeDomain | null) =>
    inTurn.run(serverId, async () => {
      if (delayMs > 0) await platform.clock.sleep(delayMs);
      const before = domains.get(serverId) ?? null;
      const after = decide(before);
      if (after === before) return;
      if (after === null) domains.delete(serverId);
      else domains.set(serverId, after);
      await file?.save(serverId, after);
    });
  /** A change of a server that must be here. */
  const existing = (serverId: Uuid, decide: (domain: FakeDomain) => FakeDomain) =>
    change(serverId, (domain) => {
      if (domain === null) throw driverErrors.noDomain(serverId);
      return decide(domain);
    });
  return {
    name: "fake",
    async start() {
      for (const domain of (await file?.load()) ?? []) domains.set(domain.spec.serverId, domain);
    },
    async stop() {},
    inventory: async () => inventory,
    load: async () => loadOf(inventory, domains),
    list: async () => [...domains.values()].map(infoOf),
    info: async (serverId) => infoOrNull(domains, serverId),
    async spawn(spec) {
      await change(spec.serverId, (domain) => domain ?? started(spec));
      return infoOf(domains.get(spec.serverId)!);
    },
    destroy: (serverId) => change(serverId, () => null),
    power: (serverId, on) => existing(serverId, (domain) => powered(domain, on)),
    reboot: (serverId, _kind, operation) => existing(serverId, (domain) => rebooted(domain, operation)),
    pause: (serverId, paused) => existing(serverId, (domain) => stopped(domain, "paused", paused)),
    suspend: (serverId, suspended) => existing(serverId, (domain) => stopped(domain, "suspended", suspended)),
    async attachVolume(serverId, volume) {
      await existing(serverId, (domain) => withVolume(domain, volume));
      const found = domains.get(serverId)?.spec.volumes.find(({ volumeId }) => volumeId === volume.volumeId);
      return { device: found?.device ?? "/dev/vdz" };
    },
    detachVolume: (serverId, volumeId) =>
      change(serverId, (domain) => domain && withoutVolume(domain, volumeId)),
    attachNic: (serverId, nic) => existing(serverId, (domain) => withNic(domain, nic)),
    detachNic: (serverId, portId) => change(serverId, (domain) => domain && withoutNic(domain, portId)),
    consoleOutput: async (serverId, lines) => lastLines(domains.get(serverId)?.console ?? "", lines),
    loseGuests() {
      // What is suspended is on disk already.
      for (const [serverId, domain] of domains)
        if (domain.power !== "suspended") domains.set(serverId, powered(domain, false));
    },
  };
}

function started(spec: DomainSpec): FakeDomain {
  const named = spec.volumes.map((volume, at) => ({
    ...volume,
    device: volume.device ?? nextName(spec, at),
  }));
  const domain: FakeDomain = {
    spec: { ...spec, volumes: named, configDrive: null },
    power: "running",
    lastReboot: null,
    console: "",
  };
  return booted(domain);
}

/** What a guest says when it starts. */
function booted(domain: FakeDomain): FakeDomain {
  const said = `[    0.000000] Linux version 6.1.0-fake\n${domain.spec.name} login: \n`;
  return { ...domain, power: "running", console: (domain.console + said).slice(-consoleCharsMax) };
}

function powered(domain: FakeDomain, on: boolean): FakeDomain {
  const isOff = domain.power === "shutdown";
  if (!on) return isOff ? domain : { ...domain, power: "shutdown" };
  return isOff || domain.power === "suspended" ? booted(domain) : domain;
}

function rebooted(domain: FakeDomain, operation: string): FakeDomain {
  if (operation !== "" && domain.lastReboot === operation) return domain;
  return { ...booted(domain), lastReboot: operation };
}

function stopped(domain: FakeDomain, power: "paused" | "suspended", isWanted: boolean): FakeDomain {
  if (isWanted) {
    if (domain.power === "shutdown") throw driverErrors.notRunning(domain.spec.serverId);
    return domain.power === power ? domain : { ...domain, power };
  }
  return domain.power === power ? { ...domain, power: "running" } : domain;
}

function withVolume(domain: FakeDomain, volume: VolumeDisk): FakeDomain {
  const { spec } = domain;
  if (spec.volumes.some(({ volumeId }) => volumeId === volume.volumeId)) return domain;
  const device = volume.device ?? nextName(spec, spec.volumes.length);
  return { ...domain, spec: { ...spec, volumes: [...spec.volumes, { ...volume, device }] } };
}

function withoutVolume(domain: FakeDomain, volumeId: Uuid): FakeDomain {
  const volumes = domain.spec.volumes.filter((volume) => volume.volumeId !== volumeId);
  return volumes.length === domain.spec.volumes.length
    ? domain
    : { ...domain, spec: { ...domain.spec, volumes } };
}

function withNic(domain: FakeDomain, nic: Nic): FakeDomain {
  const others = domain.spec.nics.filter(({ portId }) => portId !== nic.portId);
  return { ...domain, spec: { ...domain.spec, nics: [...others, nic] } };
}

function withoutNic(domain: FakeDomain, portId: Uuid): FakeDomain {
  const nics = domain.spec.nics.filter((nic) => nic.portId !== portId);
  return nics.length === domain.spec.nics.length ? domain : { ...domain, spec: { ...domain.spec, nics } };
}

/** The first name that neither the server's own disks nor its volumes have. */
function nextName(spec: DomainSpec, from: number): string {
  const own = [spec.image !== null, spec.ephemeralGb > 0, spec.swapMb > 0].filter(Boolean).length;
  const taken = new Set(spec.volumes.map((volume) => volume.device));
  const letters = [..."abcdefghijklmnopqrstuvwxyz"].slice(own);
  const free = letters.filter((letter) => !taken.has(`/dev/vd${letter}`));
  const isStart = spec.volumes.every((volume) => volume.device === null);
  return `/dev/vd${free[isStart ? from : 0] ?? "z"}`;
}

function infoOf({ spec, power }: FakeDomain): DomainInfo {
  return {
    serverId: spec.serverId,
    power,
    volumes: spec.volumes.map(({ volumeId }) => volumeId),
    ports: spec.nics.map(({ portId }) => portId),
  };
}

function infoOrNull(domains: FakeDomains, serverId: Uuid): DomainInfo | null {
  const domain = domains.get(serverId);
  return domain === undefined ? null : infoOf(domain);
}

function loadOf(inventory: HostInventory, domains: FakeDomains) {
  const sum = (of: (spec: DomainSpec) => number) =>
    [...domains.values()].reduce((total, { spec }) => total + of(spec), 0);
  return {
    cpu: 0,
    freeMemoryMb: inventory.memoryMb - sum((spec) => spec.memoryMb),
    freeDiskGb:
      inventory.diskGb - sum((spec) => spec.rootGb + spec.ephemeralGb + Math.ceil(spec.swapMb / bytesPerMb)),
  };
}

function lastLines(text: string, lines: number | null): string {
  if (lines === null) return text;
  if (lines === 0) return "";
  const all = text.split("\n");
  return all.slice(-lines - 1).join("\n");
}

/**
 * A file of all rows. It is written as a whole, from texts that are kept, and calls that come while a write
 * is under way share the next one: a benchmark that fills a host writes a few times a second, not for each
 * server.
 */
function domainFile(path: string) {
  const texts = new Map<Uuid, string>();
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  const write = async () => {
    next = null;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, `[${[...texts.values()].join(",")}]`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  };
  return {
    save(serverId: Uuid, domain: FakeDomain | null): Promise<void> {
      if (domain === null) texts.delete(serverId);
      else texts.set(serverId, JSON.stringify(domain));
      next ??= writing.then(write, write);
      writing = next;
      return next;
    },
    async load(): Promise<readonly FakeDomain[]> {
      const text = await readFile(path, "utf8").catch(nullWhenAbsent);
      const found: readonly FakeDomain[] = text === null ? [] : JSON.parse(text);
      for (const domain of found) texts.set(domain.spec.serverId, JSON.stringify(domain));
      return found;
    },
  };
}
