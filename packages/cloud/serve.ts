// The composition root: the whole wiring of a cloud in one process, in the order in which it starts.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { Broker } from "@micronova/amqp";
import {
  computeDefaults,
  computeSagas,
  computeService,
  computeVersionsService,
  conductorService,
  schedulerService,
} from "@micronova/compute";
import { type HttpServer, type HttpService, listen } from "@micronova/http";
import { identityService, type Tokens, tokens } from "@micronova/identity";
import { imageFiles, imageService, imageSweeper } from "@micronova/image";
import {
  jsonLog,
  metricsRegistry,
  type Platform,
  type Service,
  systemClock,
  systemRandom,
} from "@micronova/kit";
import { networkReports, networkService } from "@micronova/network";
import { placementService } from "@micronova/placement";
import { busRpc, type Rpc } from "@micronova/rpc";
import { type AnySaga, type Sagas, sagaDoor, sagaRunner } from "@micronova/saga";
import { type Store, sqliteStore } from "@micronova/store";
import { volumeReports, volumeSagas, volumeService, volumeVersionsService } from "@micronova/volume";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { migrations, seed } from "./seed.ts";
import { hostWorkers } from "./workers.ts";

/** A cloud that is being put together or runs. */
export interface Assembly {
  readonly platform: Platform;
  readonly config: CloudConfig;
  readonly dir: DataDir;
  readonly store: Store;
  readonly rpc: Rpc;
  readonly sagas: Sagas;
  readonly tokens: Tokens;
  /** The name of this machine, under which its workers are called. */
  readonly host: string;
}

/** What a conductor must know to go on with what another began. */
export const cloudSagas: readonly AnySaga[] = [...computeSagas, ...volumeSagas];

/** What the HTTP services are made of. */
export type ServiceParts = Pick<Assembly, "platform" | "store" | "sagas" | "rpc" | "tokens"> & {
  readonly dir: Pick<DataDir, "file">;
};

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
    const assembly = await assemble(platform, config, dir, started);
    for (const service of await parts(assembly)) {
      await service.start();
      started.push(service);
    }
    const http = httpServer(assembly);
    await http.start();
    started.push(http);
    return { http, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

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
  await seed(store, config, dir);
  const broker = new Broker(platform);
  started.push(closing("broker", () => broker.close()));
  const rpc = busRpc({ platform, bus: broker.bus() });
  started.push(closing("rpc", () => rpc.close()));
  const sagas = sagaDoor({ platform, store, rpc });
  const keyring = tokens({ platform, store, keyPath: dir.file("token-keys.json"), rpc });
  return { platform, config, dir, store, rpc, sagas, tokens: keyring, host: hostname() };
}

/** The roles of the control plane and the workers of this machine, in the order in which they start. */
async function parts(assembly: Assembly): Promise<readonly Service[]> {
  const { platform, store, rpc, tokens: keyring, host } = assembly;
  const compute = computeDeps(assembly);
  const images = { platform, store, files: imageFiles({ dir: assembly.dir.file("images") }) };
  return [
    keyring,
    imageSweeper(images),
    conductorService({ ...compute, host }),
    volumeReports({ store, rpc }),
    networkReports({ platform, store, rpc }),
    schedulerService({ ...compute, host }),
    ...(await hostWorkers(assembly)),
    sagaRunner({ platform, store, rpc, sagas: cloudSagas, owner: host }),
  ];
}

function httpServer(assembly: Assembly): HttpServer {
  const { platform, config } = assembly;
  return listen(platform, {
    host: config.listen,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
    services: httpServices(assembly),
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

/** Every HTTP service by the path it is mounted under. */
export function httpServices(given: ServiceParts): Readonly<Record<string, HttpService>> {
  const { platform, store, sagas, rpc, tokens: authenticator, dir } = given;
  const common = { platform, store, sagas, rpc, authenticator };
  return {
    "/identity": identityService({ platform, store, tokens: authenticator, endpoints: { origin: null } }),
    "/image": imageService({ ...common, files: imageFiles({ dir: dir.file("images") }) }),
    "/placement": placementService(common),
    "/network": networkService(common),
    "/volume": volumeVersionsService(common),
    "/volume/v3": volumeService(common),
    "/compute": computeVersionsService(computeDeps(given)),
    "/compute/v2.1": computeService(computeDeps(given)),
  };
}

function readTls({ key, cert }: { readonly key: string; readonly cert: string }) {
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

const computeDeps = ({ platform, store, sagas, rpc, tokens: authenticator }: Omit<ServiceParts, "dir">) => ({
  platform,
  store,
  sagas,
  rpc,
  authenticator,
  config: computeDefaults,
});

function closing(name: string, close: () => Promise<void> | void): Service {
  return { name, start: async () => {}, stop: async () => close() };
}
