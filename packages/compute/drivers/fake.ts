// A host that only pretends: servers are rows in memory, so that hundreds of hosts fit in one process and
// tests need no QEMU. With a `path` the rows are kept in a file before a call returns, and guests survive the
// cloud as real ones do.
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
import { domainFile } from "./fake-file.ts";
import { fakeMigration, keyOf } from "./fake-migration.ts";
import { lanes } from "./lanes.ts";

export interface FakeDriverOptions {
  readonly platform: Platform;
  readonly inventory?: Partial<HostInventory>;
  /** How long each call that changes a guest pretends to work. */
  readonly delayMs?: Millis;
  /** Where the guests are kept; without it they end with the process. */
  readonly path?: string;
}

export interface FakeDomain {
  readonly spec: DomainSpec;
  /** Null for the guest itself; else what the rest of it is here for. */
  readonly slot?: string | null;
  readonly power: PowerState;
  readonly lastReboot: string | null;
  readonly console: string;
}

/** By the server, and by the server and its slot. */
type FakeDomains = ReadonlyMap<string, FakeDomain>;

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
  const domains = new Map<string, FakeDomain>();
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
  const put = async (key: string, domain: FakeDomain | null) => {
    if (domain === null) domains.delete(key);
    else domains.set(key, domain);
    await file?.save(key, domain);
  };
  const guests = () => [...domains.values()].filter(isGuest);
  return {
    name: "fake",
    migration: fakeMigration({ domains, put, work: (serverId, act) => inTurn.run(serverId, act) }),
    async start() {
      for (const domain of (await file?.load()) ?? []) domains.set(keyOf(domain), domain);
    },
    async stop() {},
    inventory: async () => inventory,
    load: async () => loadOf(inventory, guests()),
    list: async () => guests().map(infoOf),
    info: async (serverId) => infoOrNull(domains, serverId),
    async spawn(spec) {
      await change(spec.serverId, (domain) => domain ?? started(spec));
      return infoOf(domains.get(spec.serverId)!);
    },
    async destroy(serverId) {
      await change(serverId, () => null);
      await inTurn.run(serverId, async () => {
        for (const [key, { spec }] of domains) if (spec.serverId === serverId) await put(key, null);
      });
    },
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
      for (const [key, domain] of domains)
        if (domain.power !== "suspended") domains.set(key, powered(domain, false));
    },
  };
}

const isGuest = ({ slot }: FakeDomain) => (slot ?? null) === null;

export function started(spec: DomainSpec): FakeDomain {
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

export function powered(domain: FakeDomain, on: boolean): FakeDomain {
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

export function infoOf({ spec, power }: FakeDomain): DomainInfo {
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

function loadOf(inventory: HostInventory, guests: readonly FakeDomain[]) {
  const sum = (of: (spec: DomainSpec) => number) => guests.reduce((total, { spec }) => total + of(spec), 0);
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
