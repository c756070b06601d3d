// The composition root: the whole wiring of a cloud, or of those of its roles that one process has, in the
// order in which it starts. What a process does not need it does not load: a worker is small.
import type { Faults } from "@micronova/faults";
import {
  jsonLog,
  metricsRegistry,
  type Platform,
  type Service,
  systemClock,
  systemRandom,
} from "@micronova/kit";
import { type BusParts, busOf } from "./bus.ts";
import type { CloudConfig } from "./config.ts";
import type { ControlPlane, ControlRoles } from "./control-plane.ts";
import type { DataDir } from "./data-dir.ts";
import type { Readiness } from "./readiness.ts";
import { needsStore, type RoleName } from "./role-names.ts";
import { closing } from "./services.ts";
import { SteeredClock } from "./steered-clock.ts";
import { hostWorkers } from "./workers.ts";
import { faultyWorld, plainWorld, type World } from "./world.ts";

export interface Served {
  /** The port of the APIs; null for a process without them. */
  readonly port: number | null;
  /** Whether this process has the passwords the cloud's users have at first. */
  readonly hasPasswords: boolean;
  stop(): Promise<void>;
}

/** A platform whose time a shared database may say. */
export interface SteeredPlatform extends Platform {
  readonly clock: SteeredClock;
}

/** The log of a process is named after what it is: `cloud`, or its roles. */
export function systemPlatform(
  config: CloudConfig,
  dir: Pick<DataDir, "file">,
  name = "cloud",
): SteeredPlatform {
  const log = jsonLog({ level: config.log.level, path: dir.file("log", `${name}.log`) });
  return { clock: new SteeredClock(systemClock), random: systemRandom, log, metrics: metricsRegistry() };
}

export interface ServeOptions {
  readonly config: CloudConfig;
  readonly dir: DataDir;
  /** Null for a cloud that does not fail on purpose. */
  readonly faultSeed: string | null;
  readonly roles: ReadonlySet<RoleName>;
  readonly readiness: Readiness;
  /** Given where what is not there yet is waited for, until it aborts. */
  readonly patience?: AbortSignal;
}

/** Starts everything; what was started is stopped again when a later part fails to start. */
export async function serve(platform: SteeredPlatform, options: ServeOptions): Promise<Served> {
  const started: Service[] = [];
  const stop = async () => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  try {
    const { config, dir, roles: asked } = options;
    const shared = await assemble(platform, options, started);
    const workers = await hostWorkers({ ...shared, platform, config, dir, host: dir.hostName, roles: asked });
    const control = shared.control?.roles(shared) ?? noControl;
    for (const service of [...control.controllers, ...workers, ...control.doors]) {
      await service.start();
      started.push(service);
    }
    const hasPasswords = shared.control !== null && shared.control.madeOn === null;
    if (shared.control !== null && !hasPasswords)
      platform.log.info({ host: shared.control.madeOn }, "the users' first passwords are on another machine");
    return { port: control.http?.port ?? null, hasPasswords, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const noControl: ControlRoles = { controllers: [], doors: [], http: null };

export interface Assembly {
  readonly world: World;
  readonly bus: BusParts;
  readonly faults: Faults | null;
  /** Null for a process without roles that have the store. */
  readonly control: ControlPlane | null;
}

/** Opens what everything shares; closed again by what `started` is given. */
async function assemble(
  platform: SteeredPlatform,
  options: ServeOptions,
  started: Service[],
): Promise<Assembly> {
  const { config, dir, roles: asked, readiness, patience } = options;
  const waiting = patience === undefined ? {} : { waiting: { readiness, signal: patience } };
  const control = needsStore(asked) ? await openControlPlane(platform, options, started) : null;
  const bus = busOf(platform, { config, dir, roles: asked, ...waiting });
  readiness.watch("bus", () => bus.trouble());
  for (const service of bus.services) {
    started.push(service);
    await service.start();
  }
  const faults = await faultsOf(platform, options);
  const shared = { platform, bus: bus.bus, prefetch: config.bus.prefetch };
  const world = faults === null ? plainWorld(shared) : faultyWorld(faults, shared);
  started.push(closing("rpc", () => world.close()));
  return { world, bus, faults, control };
}

async function openControlPlane(
  platform: SteeredPlatform,
  options: ServeOptions,
  started: Service[],
): Promise<ControlPlane> {
  const { controlPlane } = await import("./control-plane.ts");
  return controlPlane(platform, options, started);
}

async function faultsOf(platform: Platform, { dir, faultSeed: seed }: ServeOptions): Promise<Faults | null> {
  if (seed === null) return null;
  platform.log.warn({ seed }, "this cloud fails on purpose when a fault rule asks for it");
  const { openFaults } = await import("@micronova/faults");
  const die = () => process.kill(process.pid, "SIGKILL");
  return openFaults(platform, { seed, logPath: dir.file("log", "faults.log"), isNew: dir.isNew, die });
}
