// The bus of a cloud: the broker inside, which others may use as well when it is served on a socket, or
// brokers elsewhere.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AmqpService,
  amqpErrors,
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
import { isFault, type Millis, type Platform, type Service } from "@micronova/kit";
import { osloEnvelope } from "@micronova/rpc";
import { type FileLock, lockFile } from "@micronova/store/file-lock";
import { addressOf, isLoopback } from "./address.ts";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";
import { untilThere, type Wait } from "./readiness.ts";
import { allRoles, type RoleName } from "./role-names.ts";

export interface BusParts {
  readonly bus: Bus;
  /** In the order in which they start: what must be there before the bus is used. */
  readonly services: readonly Service[];
  /** The broker inside, for its management; null when brokers are elsewhere. */
  readonly inside: BrokerInside | null;
  /** Why it cannot be used now; null while it can. */
  trouble(): string | null;
}

export interface BrokerInside {
  readonly broker: Broker;
  /** Where clients come in by socket; null when they do not. */
  readonly door: AmqpService | null;
  /** Where what is durable is kept; null when nothing is. */
  readonly keptIn: string | null;
}

export interface BusOptions {
  readonly config: CloudConfig;
  readonly dir: Pick<DataDir, "file">;
  readonly roles: ReadonlySet<RoleName>;
  /** Waits as long as it takes for brokers elsewhere, and says so. Without it a while, and then it fails. */
  readonly waiting?: Omit<Wait, "what" | "mayPass">;
}

/**
 * The broker inside serves the roles beside it, and those of other processes at `bus.listen`. One
 * configuration is for all processes: those without a broker go to `bus.urls`.
 */
export function busOf(platform: Platform, options: BusOptions): BusParts {
  const { config, roles } = options;
  const { urls, listen } = config.bus;
  const isWhole = roles === allRoles;
  if (isWhole && urls.length > 0 && listen !== undefined) throw errors.twoBuses();
  const isInside = isWhole ? urls.length === 0 : roles.has("broker");
  if (!isInside && urls.length === 0) throw errors.noBus();
  if (isInside && !isWhole && listen === undefined) throw errors.noBusAddress();
  return isInside ? brokerInside(platform, config, options.dir) : brokersElsewhere(platform, options);
}

// As long as a broker takes that starts together with the cloud, as after a power cut.
const connectWithinMs: Millis = 60_000;
// Whoever waits for longer is told so often why.
const saidEveryMs: Millis = 5_000;

function brokersElsewhere(platform: Platform, { config, waiting }: BusOptions): BusParts {
  const { bus: settings } = config;
  const options: ConnectOptions = {
    form: osloEnvelope,
    queues: settings.queue_type,
    heartbeatSeconds: settings.heartbeat_seconds,
    ...optional("ca", settings.ca),
    ...optional("cert", settings.cert),
    ...optional("key", settings.key),
  };
  const bus = connectAmqp(platform, settings.urls, options);
  const mayPass = (error: unknown) => isFault(error, amqpErrors.noBroker);
  const connection: Service = {
    name: "bus",
    start: () =>
      waiting === undefined
        ? bus.connected(connectWithinMs)
        : untilThere(platform, { ...waiting, what: "bus", mayPass }, () => bus.connected(saidEveryMs)),
    stop: () => bus.close(),
  };
  return { bus, services: [connection], inside: null, trouble: () => bus.trouble };
}

/**
 * What the cloud itself sends may be lost, so it keeps nothing. To others durable means durable: once it is
 * served, what is durable is on disk.
 */
function brokerInside(platform: Platform, config: CloudConfig, dir: Pick<DataDir, "file">): BusParts {
  const broker = new Broker(platform, { form: osloEnvelope });
  const trouble = () => null;
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
    return { bus, services: [inside], inside: { broker, door: null, keptIn: null }, trouble };
  const door = serveAmqp(broker, doorOf(config.bus.listen, config));
  const keptIn = config.ephemeral ? null : dir.file("bus");
  const kept = keptIn === null ? [] : keepIn(broker, keptIn);
  return { bus, services: [...kept, inside, door], inside: { broker, door, keptIn }, trouble };
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
  const { host, port } = addressOf("bus.listen", listen);
  if (isLoopback(host)) return { host, port };
  if (tls !== undefined)
    return { host, port, tls: { cert: read("cert", tls.cert), key: read("key", tls.key) } };
  if (!insecure) throw errors.needsTls(listen);
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
