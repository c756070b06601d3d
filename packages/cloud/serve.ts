// The composition root: the whole wiring of a cloud in one process, in the order in which it starts.
import { readFileSync } from "node:fs";
import { computeDefaults } from "@micronova/compute";
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
import { busNotifier, busRpc } from "@micronova/rpc";
import { sagaDoor } from "@micronova/saga";
import { sqliteStore } from "@micronova/store";
import { type BrokerInside, busOf } from "./bus.ts";
import { busManagement } from "./bus-management.ts";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { type ApiDeps, type ControlDeps, httpServices, roles } from "./roles.ts";
import { migrations, seed } from "./seed.ts";
import { hostWorkers } from "./workers.ts";

export interface Served {
  readonly http: HttpServer;
  stop(): Promise<void>;
}

export function systemPlatform(config: CloudConfig, dir: DataDir): Platform {
  const log = jsonLog({ level: config.log.level, path: dir.file("log", "cloud.log") });
  return { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
}

/** Starts everything; what was started is stopped again when a later part fails to start. */
export async function serve(platform: Platform, config: CloudConfig, dir: DataDir): Promise<Served> {
  const started: Service[] = [];
  const stop = async () => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  try {
    const { control, api, bus } = await assemble(platform, config, dir, started);
    const { rpc, host } = control;
    const workers = await hostWorkers({ platform, rpc, config, dir, host });
    const requests = requestLog(control);
    const management = bus === null ? null : busManagement(bus, api.tokens);
    const http = httpServer({ api, config, requests, management });
    const controllers = [roles.conductor(control), roles.scheduler(control)];
    const url = config.traces.otlp_url;
    const exporters = url === undefined ? [] : [otlpExporter({ platform, store: control.store, url })];
    const doors = [
      roles.api(api),
      ...exporters,
      ...(management === null ? [] : [management]),
      requests,
      http,
    ];
    const parts = [...controllers, ...workers, ...doors];
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
async function assemble(
  platform: Platform,
  config: CloudConfig,
  dir: DataDir,
  started: Service[],
): Promise<Assembly> {
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
  const rpc = busRpc({ platform, bus, prefetch: config.bus.prefetch });
  started.push(closing("rpc", () => rpc.close()));
  const sagas = sagaDoor({ platform, store, rpc });
  const told = config.notifications.enabled ? { notifier: busNotifier({ platform, bus }) } : {};
  const isTraced = config.traces.enabled;
  const common = { platform, store, rpc, sagas, config: computeDefaults, isTraced };
  const control = { ...common, host: dir.hostName, ...told };
  const keyring = tokens({ platform, store, keyPath: dir.file("token-keys.json"), rpc });
  const api = { ...control, tokens: keyring, images: imageFiles({ dir: dir.file("images") }) };
  return { control, api, bus: inside };
}

interface Assembly {
  readonly control: ControlDeps;
  readonly api: ApiDeps;
  /** Null when the brokers are elsewhere. */
  readonly bus: BrokerInside | null;
}

interface HttpParts {
  readonly api: ApiDeps;
  readonly config: CloudConfig;
  readonly requests: RequestLog;
  readonly management: ManagementService | null;
}

function httpServer({ api, config, requests, management }: HttpParts): HttpServer {
  const { platform } = api;
  return listen(platform, {
    host: config.listen,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
    services: { ...httpServices(api), ...(management === null ? {} : { "/bus": management }) },
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
