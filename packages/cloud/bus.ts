// The bus of a cloud: the broker inside, which others may use as well when it is served on a socket, or
// brokers elsewhere.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AmqpService,
  Broker,
  type Bus,
  type ConnectOptions,
  connectAmqp,
  machineReadings,
  persistence,
  resourceAlarms,
  type ServeOptions,
  serveAmqp,
} from "@micronova/amqp";
import type { Millis, Platform, Service } from "@micronova/kit";
import { osloEnvelope } from "@micronova/rpc";
import { type FileLock, lockFile } from "@micronova/store";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";

export interface BusParts {
  readonly bus: Bus;
  /** In the order in which they start: what must be there before the bus is used. */
  readonly services: readonly Service[];
  /** The broker inside, for its management; null when brokers are elsewhere. */
  readonly inside: BrokerInside | null;
}

export interface BrokerInside {
  readonly broker: Broker;
  /** Where clients come in by socket; null when they do not. */
  readonly door: AmqpService | null;
  /** Where what is durable is kept; null when nothing is. */
  readonly keptIn: string | null;
}

export function busOf(platform: Platform, config: CloudConfig, dir: Pick<DataDir, "file">): BusParts {
  const { urls, listen } = config.bus;
  if (urls.length > 0 && listen !== undefined) throw errors.twoBuses();
  return urls.length > 0 ? brokersElsewhere(platform, config) : brokerInside(platform, config, dir);
}

// As long as a broker takes that starts together with the cloud, as after a power cut.
const connectWithinMs: Millis = 60_000;

function brokersElsewhere(platform: Platform, { bus: settings }: CloudConfig): BusParts {
  const options: ConnectOptions = {
    form: osloEnvelope,
    queues: settings.queue_type,
    heartbeatSeconds: settings.heartbeat_seconds,
    ...optional("ca", settings.ca),
    ...optional("cert", settings.cert),
    ...optional("key", settings.key),
  };
  const bus = connectAmqp(platform, settings.urls, options);
  const connection: Service = {
    name: "bus",
    start: () => bus.connected(connectWithinMs),
    stop: () => bus.close(),
  };
  return { bus, services: [connection], inside: null };
}

/**
 * What the cloud itself sends may be lost, so it keeps nothing. To others durable means durable: once it is
 * served, what is durable is on disk.
 */
function brokerInside(platform: Platform, config: CloudConfig, dir: Pick<DataDir, "file">): BusParts {
  const broker = new Broker(platform, { form: osloEnvelope });
  const bus = broker.bus();
  const inside: Service = {
    name: "bus",
    async start() {},
    async stop() {
      await bus.close();
      broker.close();
    },
  };
  if (config.bus.listen === undefined)
    return { bus, services: [inside], inside: { broker, door: null, keptIn: null } };
  const door = serveAmqp(broker, doorOf(config.bus.listen, config));
  const keptIn = config.ephemeral ? null : dir.file("bus");
  const kept = keptIn === null ? [] : keepIn(broker, keptIn);
  return { bus, services: [...kept, inside, door], inside: { broker, door, keptIn } };
}

function keepIn(broker: Broker, dir: string): readonly Service[] {
  const alarms = resourceAlarms(broker, {}, machineReadings(dir));
  let lock: FileLock | null = null;
  const directory: Service = {
    name: "bus directory",
    async start() {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      // A bus of its own may have it; two that write to the same files would spoil them.
      lock = lockFile(join(dir, "lock"));
      if (lock === null) throw errors.busRuns(dir);
    },
    async stop() {
      lock?.release();
    },
  };
  return [directory, persistence(broker, dir), alarms];
}

/** Anybody who reaches the port reads what passes it: off loopback it is encrypted as the APIs are. */
function doorOf(listen: string, { tls, insecure }: CloudConfig): ServeOptions {
  const { host, port } = addressOf(listen);
  const isLoopback = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (isLoopback) return { host, port };
  if (tls !== undefined)
    return { host, port, tls: { cert: read("cert", tls.cert), key: read("key", tls.key) } };
  if (!insecure) throw errors.needsTls(listen);
  return { host, port };
}

/** `127.0.0.1:5672`, `[::1]:5672` */
function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(listen) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) throw errors.badAddress("bus.listen", listen);
  return { host, port };
}

function optional<K extends string>(name: K, path: string | undefined): { readonly [_ in K]?: string } {
  // A property of that name, or none.
  return path === undefined ? {} : ({ [name]: read(name, path) } as { readonly [_ in K]: string });
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw errors.unreadableFile(`bus.${name}`, path, (error as NodeJS.ErrnoException).code ?? String(error));
  }
}
