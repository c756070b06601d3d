// The workers of this machine: one real host, or as many fake ones as asked for, and one volume worker; in
// one process, or those of its roles.
import { readFileSync } from "node:fs";
import {
  computeWorker,
  type HostReporter,
  hostIdentity,
  hostReporter,
  type VirtDriver,
} from "@micronova/compute/host";
import { type ImageCache, imageCache } from "@micronova/image/host";
import type { Platform, Service } from "@micronova/kit";
import {
  fakeNetworkDriver,
  type NetworkDriver,
  neighbourNetwork,
  networkWorker,
} from "@micronova/network/host";
import { type FileFences, fileFences } from "@micronova/rpc";
import { volumeWorker } from "@micronova/volume/host";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { chooseNetwork, chooseVirt, chooseVolume, fakeVirt, realVirt } from "./drivers.ts";
import { errors } from "./errors.ts";
import { originOf } from "./origin.ts";
import { allRoles, type RoleName } from "./role-names.ts";
import { sideBySide, together } from "./services.ts";
import type { World } from "./world.ts";

export interface HostDeps {
  readonly platform: Platform;
  readonly world: World;
  readonly config: CloudConfig;
  readonly dir: DataDir;
  /** The name of this machine, under which its workers are called. */
  readonly host: string;
  readonly roles: ReadonlySet<RoleName>;
}

/** Those of this machine's workers that are this process's; none when it has no such role. */
export async function hostWorkers(deps: HostDeps): Promise<readonly Service[]> {
  const { roles: asked, config } = deps;
  const driver = asked.has("compute")
    ? await chooseGuests(deps)
    : config.virt.driver === "fake"
      ? "fake"
      : "qemu";
  const hosts = asked.has("compute") || asked.has("network") ? [await guestHosts(deps, driver)] : [];
  const volumes = asked.has("volume") ? [await volumeHost(deps, driver)] : [];
  const workers = [...hosts, ...volumes];
  return workers.length === 0 ? [] : [sideBySide("workers", workers)];
}

/** A cloud in one process makes do with fake guests; a host among others must not only seem to be one. */
async function chooseGuests({ config, roles: asked }: HostDeps): Promise<"qemu" | "fake"> {
  const { driver } = await chooseVirt(config);
  if (driver === "fake" && config.virt.driver !== "fake" && asked !== allRoles) throw errors.noQemu();
  return driver;
}

async function guestHosts(deps: HostDeps, driver: "qemu" | "fake"): Promise<Service> {
  return driver === "fake" ? fakeHosts(deps) : realHost(deps);
}

async function realHost(deps: HostDeps): Promise<Service> {
  const network = deps.roles.has("network") ? await chooseNetwork(deps, "qemu") : null;
  const images = imagesFor(deps, "compute");
  return guestHost(deps, { host: deps.host, images, virt: () => realVirt(deps), network });
}

/** Hundreds of hosts are one timer and one message: they share a reporter. */
async function fakeHosts(deps: HostDeps): Promise<Service> {
  const reporter = hostReporter(deps.world.view({ role: "reporter", host: deps.host }));
  const images = imagesFor(deps, "compute");
  const hosts: Service[] = [];
  for (const host of fakeHostNames(deps)) {
    const network = deps.roles.has("network") ? fakeNetworkDriver() : null;
    hosts.push(await guestHost(deps, { host, images, virt: () => fakeVirt(deps, host), network, reporter }));
  }
  return together("hosts", [sideBySide("hosts", hosts), reporter]);
}

/** Those of several processes must not have the same names. */
function fakeHostNames({ config, roles: asked, host }: HostDeps): readonly string[] {
  const count = config.virt.fake_hosts;
  if (count === 1 && asked !== allRoles) return [host];
  const begin = asked === allRoles ? "fake" : host;
  return Array.from({ length: count }, (_, n) => `${begin}-${String(n + 1).padStart(3, "0")}`);
}

interface GuestHost {
  readonly host: string;
  /** One for all hosts of the process. */
  readonly images: ImageCache;
  readonly virt: () => VirtDriver;
  /** Null when the host's network is another process's. */
  readonly network: NetworkDriver | null;
  readonly reporter?: HostReporter;
}

/** The workers of one host for guests and for their network, as far as they are this process's. */
async function guestHost(deps: HostDeps, given: GuestHost): Promise<Service> {
  const { world, roles: asked } = deps;
  const { host } = given;
  const own = given.network === null ? null : world.driver({ host, kind: "network" }, given.network);
  const plugging =
    own === null ? [] : [networkWorker({ ...world.view({ role: "network", host }), host, driver: own })];
  const computing = asked.has("compute") ? [await computeHost(deps, given, own)] : [];
  // Guests that outlived the worker are plugged again as soon as it reports, so networks come first.
  return together(host, [...plugging, ...computing]);
}

async function computeHost(deps: HostDeps, given: GuestHost, own: NetworkDriver | null): Promise<Service> {
  const { world } = deps;
  const { host, images, reporter } = given;
  const virt = world.driver({ host, kind: "virt" }, given.virt());
  const { nodeId, fences } = await memoryOf(deps, host);
  const { platform, rpc } = world.view({ role: "compute", host });
  const network = own ?? neighbourNetwork({ platform, rpc, host });
  const shared = reporter === undefined ? { images } : { images, reporter };
  return keeping(fences, computeWorker({ ...shared, platform, rpc, host, virt, network, nodeId, fences }));
}

async function volumeHost(deps: HostDeps, virt: "qemu" | "fake"): Promise<Service> {
  const { world, host, dir } = deps;
  const driver = world.driver({ host, kind: "volume" }, await chooseVolume(deps, virt));
  const fences = fileFences(dir.file("volume-fences"));
  const { platform, rpc } = world.view({ role: "volume", host });
  const images = imagesFor(deps, "volume");
  return keeping(fences, volumeWorker({ platform, rpc, host, driver, fences, images }));
}

const bytesPerGb = 1024 ** 3;

/** Processes of one host must not write to the same file: each kind of worker has a place of its own. */
function imagesFor({ platform, config, dir }: HostDeps, worker: "compute" | "volume"): ImageCache {
  const { tls, port, image } = config;
  const ca = image.ca ?? tls?.cert;
  return imageCache({
    platform,
    dir: dir.file("image-cache", worker),
    origin: originOf(config, port),
    bytesMax: image.cache_gb * bytesPerGb,
    ...(ca === undefined ? {} : { ca: readFileSync(ca, "utf8") }),
  });
}

/** What a compute host keeps on its disk: its id, and which calls come too late. */
async function memoryOf({ platform, dir }: HostDeps, host: string) {
  const nodeId = await hostIdentity(dir.file("hosts", host), platform.random);
  return { nodeId, fences: fileFences(dir.file("hosts", host, "fences")) };
}

/** The worker, after whose end its fences are closed. */
function keeping(fences: FileFences, worker: Service): Service {
  const file: Service = { name: "fences", start: async () => {}, stop: () => fences.close() };
  return together(worker.name, [file, worker]);
}
