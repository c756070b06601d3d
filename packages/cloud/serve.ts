// The composition root: the whole wiring of a cloud in one process, in the order in which it starts.
import { readFileSync } from "node:fs";
import { computeDefaults } from "@micronova/compute";
import { type Faults, openFaults } from "@micronova/faults";
import { type HttpServer, listen } from "@micronova/http";
import { tokens } from "@micronova/identity";
import { imageFiles } from "@micronova/image";
import {
  jsonLog,
  metricsRegistry,
  type Platform,
  type Service,
  systemClock,
  systemRandom,
} from "@micronova/kit";
import type { ManagementService } from "@micronova/management";
import { otlpExporter, type RequestLog, requestLog } from "@micronova/operations";
import { busNotifier } from "@micronova/rpc";
import { sagaDoor } from "@micronova/saga";
import { sqliteStore } from "@micronova/store";
import { type BrokerInside, busOf } from "./bus.ts";
import { busManagement } from "./bus-management.ts";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { type ApiDeps, type ControlDeps, httpServices, roles } from "./roles.ts";
import { migrations, seed } from "./seed.ts";
import { hostWorkers } from "./workers.ts";
import { faultyWorld, plainWorld, type World } from "./world.ts";

export interface Served {
  readonly http: HttpServer;
  stop(): Promise<void>;
}

export function systemPlatform(config: CloudConfig, dir: DataDir): Platform {
  const log = jsonLog({ level: config.log.level, path: dir.file("log", "cloud.log") });
  return { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
}

export interface ServeOptions {
  readonly config: CloudConfig;
  readonly dir: DataDir;
  /** Null for a cloud that does not fail on purpose. */
  readonly faultSeed: string | null;
}

/** Starts everything; what was started is stopped again when a later part fails to start. */
export async function serve(platform: Platform, options: ServeOptions): Promise<Served> {
  const started: Service[] = [];
  const stop = async () => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  try {
    const { config, dir } = options;
    const { world, controlOf, api, bus } = await assemble(platform, options, started);
    const workers = await hostWorkers({ platform, world, config, dir, host: dir.hostName });
    const requests = requestLog(api);
    const management = bus === null ? null : busManagement(bus, api.tokens);
    const http = httpServer({ api, config, requests, management });
    const controllers = [roles.conductor(controlOf("conductor")), roles.scheduler(controlOf("scheduler"))];
    const url = config.traces.otlp_url;
    const exporters = url === undefined ? [] : [otlpExporter({ platform, store: api.store, url })];
    const doors = [
      roles.api(api),
      ...exporters,
      ...(management === null ? [] : [management]),
      requests,
      http,
    ];
    const parts = [...controllers, workers, ...doors];
    for (const service of parts) {
      await service.start();
      started.push(service);
    }
    return { http, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Opens what everything shares; closed again by what `started` is given. */
async function assemble(platform: Platform, options: ServeOptions, started: Service[]): Promise<Assembly> {
  const { config, dir } = options;
  const path = config.ephemeral ? ":memory:" : dir.file("cloud.db");
  const store = sqliteStore(platform, { path, durability: config.store.durability, migrations });
  started.push(closing("store", () => store.close()));
  await store.migrate();
  await seed(store, { region: config.region, secrets: dir.secrets, cidr: config.network.cidr });
  const { bus, services, inside } = busOf(platform, config, dir);
  for (const service of services) {
    started.push(service);
    await service.start();
  }
  const faults = faultsOf(platform, options);
  const shared = { platform, store, bus, prefetch: config.bus.prefetch };
  const world = faults === null ? plainWorld(shared) : faultyWorld(faults, shared);
  started.push(closing("rpc", () => world.close()));
  const controlOf = (role: string): ControlDeps => {
    const view = world.view({ role, host: dir.hostName });
    const told = config.notifications.enabled ? { notifier: busNotifier(view) } : {};
    const boundary = faults === null ? {} : { boundary: faults.sagaBoundary };
    const { bus: _bus, ...own } = view;
    const sagas = sagaDoor(own);
    const common = { ...own, sagas, config: computeDefaults, isTraced: config.traces.enabled };
    return { ...common, host: dir.hostName, ...told, ...boundary };
  };
  const control = controlOf("api");
  const { store: seen, rpc } = control;
  const keyring = tokens({
    platform: control.platform,
    store: seen,
    rpc,
    keyPath: dir.file("token-keys.json"),
  });
  const images = imageFiles({ dir: dir.file("images") });
  const api = { ...control, tokens: keyring, images, ...(faults === null ? {} : { faults }) };
  return { world, controlOf, api, bus: inside };
}

interface Assembly {
  readonly world: World;
  /** What a role of the control plane is made of. */
  readonly controlOf: (role: string) => ControlDeps;
  readonly api: ApiDeps;
  /** Null when the brokers are elsewhere. */
  readonly bus: BrokerInside | null;
}

function faultsOf(platform: Platform, { dir, faultSeed: seed }: ServeOptions): Faults | null {
  if (seed === null) return null;
  platform.log.warn({ seed }, "this cloud fails on purpose when a fault rule asks for it");
  const die = () => process.kill(process.pid, "SIGKILL");
  return openFaults(platform, { seed, logPath: dir.file("log", "faults.log"), isNew: dir.isNew, die });
}

interface HttpParts {
  readonly api: ApiDeps;
  readonly config: CloudConfig;
  readonly requests: RequestLog;
  readonly management: ManagementService | null;
}

function httpServer({ api, config, requests, management }: HttpParts): HttpServer {
  const { platform, faults } = api;
  const served = { ...httpServices(api), ...(management === null ? {} : { "/bus": management }) };
  return listen(platform, {
    host: config.listen,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
    services: faults === undefined ? served : faults.http(served, api.tokens),
    ...(config.traces.enabled ? { answered: (request) => requests.add(request) } : {}),
    plain: {
      "/healthz": async () => ({ status: 200, headers: { "Content-Type": "text/plain" }, body: "ok\n" }),
      "/metrics": async () => ({
        status: 200,
        headers: { "Content-Type": "text/plain; version=0.0.4" },
        body: await platform.metrics.text(),
      }),
    },
  });
}

function readTls({ key, cert }: { readonly key: string; readonly cert: string }) {
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

function closing(name: string, close: () => Promise<void> | void): Service {
  return { name, start: async () => {}, stop: async () => close() };
}
