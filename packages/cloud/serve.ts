// The composition root: the whole wiring of a cloud, or of those of its roles that one process has, in the
// order in which it starts.
import { readFileSync } from "node:fs";
import { computeDefaults } from "@micronova/compute";
import { type Faults, openFaults } from "@micronova/faults";
import { type Answer, type HttpServer, listen } from "@micronova/http";
import { tokens } from "@micronova/identity";
import { imageDataPath, imageDataService, imageFiles } from "@micronova/image";
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
import { isStoreFault, type SharedStore } from "@micronova/store";
import { admissionOf } from "./admission.ts";
import { type BusParts, busOf } from "./bus.ts";
import { busManagement } from "./bus-management.ts";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { type HealthPage, healthPages } from "./health.ts";
import { type Readiness, untilThere, type Wait } from "./readiness.ts";
import { needsStore, type RoleName } from "./role-names.ts";
import { type ApiDeps, type ControlDeps, httpServices, roles } from "./roles.ts";
import { openStore, storeTrouble } from "./store.ts";
import { hostWorkers } from "./workers.ts";
import { faultyWorld, plainWorld, type World } from "./world.ts";

export interface Served {
  /** Null for a process without the role api. */
  readonly http: HttpServer | null;
  stop(): Promise<void>;
}

/** The log of a process is named after what it is: `cloud`, or its roles. */
export function systemPlatform(config: CloudConfig, dir: Pick<DataDir, "file">, name = "cloud"): Platform {
  const log = jsonLog({ level: config.log.level, path: dir.file("log", `${name}.log`) });
  return { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
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
export async function serve(platform: Platform, options: ServeOptions): Promise<Served> {
  const started: Service[] = [];
  const stop = async () => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  try {
    const { config, dir, roles: asked } = options;
    const shared = await assemble(platform, options, started);
    const workers = await hostWorkers({ ...shared, platform, config, dir, host: dir.hostName, roles: asked });
    const { services, http } = controlPlane(shared, options);
    for (const service of [...services.controllers, ...workers, ...services.doors]) {
      await service.start();
      started.push(service);
    }
    return { http, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Assembly {
  readonly world: World;
  readonly bus: BusParts;
  readonly faults: Faults | null;
  /** Null for a process without roles that have it. */
  readonly store: SharedStore | null;
}

/** Opens what everything shares; closed again by what `started` is given. */
async function assemble(platform: Platform, options: ServeOptions, started: Service[]): Promise<Assembly> {
  const { config, dir, roles: asked, readiness, patience } = options;
  const waiting = patience === undefined ? {} : { waiting: { readiness, signal: patience } };
  const store = needsStore(asked) ? await startStore(platform, options, started) : null;
  const bus = busOf(platform, { config, dir, roles: asked, ...waiting });
  readiness.watch("bus", () => bus.trouble());
  for (const service of bus.services) {
    started.push(service);
    await service.start();
  }
  const faults = faultsOf(platform, options);
  const shared = { platform, bus: bus.bus, prefetch: config.bus.prefetch };
  const world = faults === null ? plainWorld(shared) : faultyWorld(faults, shared);
  started.push(closing("rpc", () => world.close()));
  return { world, bus, faults, store };
}

async function startStore(
  platform: Platform,
  options: ServeOptions,
  started: Service[],
): Promise<SharedStore> {
  const { readiness, patience: signal } = options;
  const open = () => openStore(platform, options);
  const waiting: Omit<Wait, "signal"> = { what: "store", readiness, mayPass: isStoreFault };
  const store =
    signal === undefined ? await open() : await untilThere(platform, { ...waiting, signal }, open);
  started.push(closing("store", () => store.close()));
  readiness.watch("store", () => storeTrouble(store));
  return store;
}

interface ControlPlane {
  readonly services: { readonly controllers: readonly Service[]; readonly doors: readonly Service[] };
  readonly http: HttpServer | null;
}

/** The roles that have the store, as far as they are this process's. */
function controlPlane(shared: Assembly, options: ServeOptions): ControlPlane {
  const { store } = shared;
  if (store === null) return { services: { controllers: [], doors: [] }, http: null };
  const { roles: asked } = options;
  const controlOf = (role: "conductor" | "scheduler") => controlDeps({ ...shared, store }, options, role);
  const controllers = [
    ...(asked.has("conductor") ? [roles.conductor(controlOf("conductor"))] : []),
    ...(asked.has("scheduler") ? [roles.scheduler(controlOf("scheduler"))] : []),
  ];
  const { doors, http } = asked.has("api") ? apiOf({ ...shared, store }, options) : { doors: [], http: null };
  return { services: { controllers, doors }, http };
}

type WithStore = Assembly & { readonly store: SharedStore };

/** What a role of the control plane is made of. */
function controlDeps({ world, faults, store }: WithStore, options: ServeOptions, role: string): ControlDeps {
  const { config, dir } = options;
  const view = world.control({ role, host: dir.hostName }, store);
  const told = config.notifications.enabled ? { notifier: busNotifier(view) } : {};
  const boundary = faults === null ? {} : { boundary: faults.sagaBoundary };
  const { bus: _bus, ...own } = view;
  const common = { ...own, sagas: sagaDoor(own), config: computeDefaults, isTraced: config.traces.enabled };
  return { ...common, host: dir.hostName, ...told, ...boundary };
}

/** The APIs: what runs beside them, and their sockets last. */
function apiOf(shared: WithStore, options: ServeOptions) {
  const { config, dir, readiness } = options;
  const control = controlDeps(shared, options, "api");
  const { platform, store, rpc } = control;
  const files = imageFiles({ dir: config.image.dir ?? dir.file("images") });
  const images = shared.world.driver({ host: dir.hostName, kind: "image" }, files);
  const faults = shared.faults === null ? {} : { faults: shared.faults };
  const { inside } = shared.bus;
  const api: ApiDeps = {
    ...control,
    tokens: tokens({ platform, store, rpc }),
    images,
    admission: admissionOf(config, inside),
    ...faults,
  };
  const requests = requestLog(api);
  const management = inside === null ? null : busManagement(inside, api.tokens);
  const http = httpServer({ api, config, requests, management, readiness });
  const url = config.traces.otlp_url;
  const exporters = url === undefined ? [] : [otlpExporter({ platform, store, url })];
  const managed = management === null ? [] : [management];
  return { doors: [roles.api(api), ...exporters, ...managed, requests, http], http };
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
  readonly readiness: Readiness;
}

function httpServer({ api, config, requests, management, readiness }: HttpParts): HttpServer {
  const { platform, faults } = api;
  const served = {
    ...httpServices(api),
    [imageDataPath]: imageDataService({ ...api, files: api.images }),
    ...(management === null ? {} : { "/bus": management }),
  };
  return listen(platform, {
    host: config.listen,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
    services: faults === undefined ? served : faults.http(served, api.tokens),
    ...(config.traces.enabled ? { answered: (request) => requests.add(request) } : {}),
    plain: Object.fromEntries(
      Object.entries(healthPages(platform, readiness)).map(([path, page]) => [path, () => asAnswer(page)]),
    ),
  });
}

async function asAnswer(page: HealthPage): Promise<Answer> {
  const { status, type, body } = await page();
  return { status, headers: { "Content-Type": type }, body };
}

function readTls({ key, cert }: { readonly key: string; readonly cert: string }) {
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

function closing(name: string, close: () => Promise<void> | void): Service {
  return { name, start: async () => {}, stop: async () => close() };
}
