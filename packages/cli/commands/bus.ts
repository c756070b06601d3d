// `micronova bus serve`: the broker on its own, for clients that never heard of a cloud.
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import {
  Broker,
  machineReadings,
  persistence,
  type ResourceLimits,
  resourceAlarms,
  type ServeOptions,
  serveAmqp,
  type Tls,
} from "@micronova/amqp";
import { jsonLog, metricsRegistry, type Service, systemClock, systemRandom } from "@micronova/kit";
import type { Listener } from "@micronova/management";
import { lockFile } from "@micronova/store/file-lock";
import type { BusManagement, BusManagementOptions } from "../bus-management.ts";
import { cliErrors } from "../errors.ts";
import { wholeNumber } from "../numbers.ts";

export interface BusOptions {
  readonly dataDir: string;
  readonly listen: string;
  readonly port: string;
  readonly insecure?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsPort: string;
  readonly managementPort?: string;
  readonly management: boolean;
  readonly memoryLimit?: string;
  readonly diskFreeLimit?: string;
}

const loopback = "127.0.0.1";
const isLoopback = (address: string) => [loopback, "::1", "localhost"].includes(address);

/** Serves until it is told to stop; what is durable is in the data directory. */
export async function serveBus(options: BusOptions): Promise<void> {
  const doors = doorsOf(options);
  const dir = resolve(options.dataDir, "bus");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Two that write to the same files would spoil them.
  const lock = lockFile(join(dir, "lock"));
  if (lock === null) throw cliErrors.busRuns(options.dataDir);
  const log = jsonLog({ level: "info", path: join(dir, "bus.log") });
  const platform = { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
  const started: { stop(): Promise<void> }[] = [];
  try {
    await startAll(options, { broker: new Broker(platform), dir, doors, started });
    await new Promise<void>((stop) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop());
    });
  } finally {
    for (const one of started.reverse()) await one.stop();
    lock.release();
  }
}

interface Parts {
  readonly broker: Broker;
  readonly dir: string;
  readonly doors: readonly ServeOptions[];
  /** What must be stopped again, also when a later part does not start. */
  readonly started: { stop(): Promise<void> }[];
}

async function startAll(options: BusOptions, { broker, dir, doors, started }: Parts): Promise<void> {
  const start = async (service: Service) => {
    await service.start();
    started.push(service);
  };
  await start(persistence(broker, dir));
  started.push({ stop: async () => broker.close() });
  await start(resourceAlarms(broker, limitsOf(options), machineReadings(dir)));
  const amqp: Listener[] = [];
  for (const door of doors) {
    const service = serveAmqp(broker, door);
    await start(service);
    const { host, port } = service;
    amqp.push({ protocol: door.tls === undefined ? "amqp" : "amqp/ssl", ip_address: host, port });
    process.stderr.write(`The bus is up at ${urlOf(broker, door, port)}, kept in ${dir}.\n`);
  }
  if (options.management) started.push(await manage(options, { broker, busDir: dir, amqp }));
}

/** Loaded when clients are served: it is not what they wait for. */
async function manage(
  { listen, insecure, dataDir, managementPort }: BusOptions,
  bus: Pick<BusManagementOptions, "broker" | "busDir" | "amqp">,
): Promise<BusManagement> {
  const { serveBusManagement } = await import("../bus-management.ts");
  const management = await serveBusManagement({
    ...bus,
    dataDir: resolve(dataDir),
    // It has no TLS of its own.
    host: isLoopback(listen) || insecure === true ? listen : loopback,
    port: managementPort === undefined ? null : wholeNumber("--management-port", managementPort),
  });
  process.stderr.write(`Its management API is up at ${management.url}/api.\n`);
  return management;
}

/** What is not encrypted stays on this machine, unless the operator insists. */
function doorsOf(options: BusOptions): readonly ServeOptions[] {
  const { listen, insecure } = options;
  const port = wholeNumber("--port", options.port);
  const tls = tlsOf(options);
  const isSafe = isLoopback(listen) || insecure === true;
  if (tls !== null)
    return [
      { host: isSafe ? listen : loopback, port },
      { host: listen, port: wholeNumber("--tls-port", options.tlsPort), tls },
    ];
  if (!isSafe) throw cliErrors.notLoopback(listen);
  return [{ host: listen, port }];
}

function limitsOf({ memoryLimit, diskFreeLimit }: BusOptions): ResourceLimits {
  const bytes = (option: string, text: string) => wholeNumber(option, text) * 1024 * 1024;
  return {
    ...(memoryLimit === undefined ? {} : { memoryBytesMax: bytes("--memory-limit", memoryLimit) }),
    ...(diskFreeLimit === undefined ? {} : { diskFreeBytesMin: bytes("--disk-free-limit", diskFreeLimit) }),
  };
}

function tlsOf({ tlsCert, tlsKey, tlsCa }: BusOptions): Tls | null {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined) throw cliErrors.tlsNeedsBoth();
  const [cert, key] = [read(tlsCert), read(tlsKey)];
  const ca = tlsCa === undefined ? {} : { ca: read(tlsCa) };
  try {
    createSecureContext({ cert, key, ...ca });
  } catch (error) {
    throw cliErrors.badTls(error instanceof Error ? error.message : String(error));
  }
  return { cert, key, ...(ca.ca === undefined ? {} : { clientCa: ca.ca }) };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw cliErrors.unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

function urlOf({ access }: Broker, { host, tls }: ServeOptions, port: number): string {
  if (tls !== undefined) return `amqps://${host}:${port}`;
  const isGuestThere = access.authenticate("guest", "guest") !== null;
  return `amqp://${isGuestThere ? "guest:guest@" : ""}${host}:${port}`;
}
