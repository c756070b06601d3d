// The management API beside `micronova bus serve`. What it is made of is loaded once clients of the bus are
// served already: they come first.
import { hostname } from "node:os";
import type { Broker } from "@micronova/amqp";
import { httpErrors, listen } from "@micronova/http/plain";
import { isFault } from "@micronova/kit";
import { basicAuth, keyAuth, type Listener, managementService } from "@micronova/management";
import { removeBusFile, writeBusFile } from "./bus-file.ts";
import { cliErrors } from "./errors.ts";

export interface BusManagementOptions {
  readonly broker: Broker;
  readonly dataDir: string;
  /** Where the broker keeps what is durable. */
  readonly busDir: string;
  readonly host: string;
  /** Null for the usual one, or a free one when that is taken. */
  readonly port: number | null;
  readonly amqp: readonly Listener[];
}

export interface BusManagement {
  readonly url: string;
  stop(): Promise<void>;
}

const portDefault = 15_672;

export async function serveBusManagement(options: BusManagementOptions): Promise<BusManagement> {
  const { broker, dataDir, host, port } = options;
  if (port !== null) return serveAt(options, port);
  try {
    return await serveAt(options, portDefault);
  } catch (error) {
    if (!isFault(error, cliErrors.managementPort)) throw error;
    // Most likely another bus or a RabbitMQ of this machine; who asks for a port gets it or none.
    broker.platform.log.warn({ host, port: portDefault }, "management takes a free port, its own is taken");
    return serveAt({ ...options, dataDir }, 0);
  }
}

async function serveAt(options: BusManagementOptions, port: number): Promise<BusManagement> {
  const { broker, dataDir, host } = options;
  const { platform } = broker;
  const key = Buffer.from(platform.random.bytes(32)).toString("base64url");
  const service = managementService({
    broker,
    doorkeeper: keyAuth(key, basicAuth(broker)),
    nodeName: `micronova@${hostname()}`,
    listeners: () => [...options.amqp, { protocol: "http", ip_address: host, port: http.port }],
    dataDir: options.busDir,
    metrics: "all",
  });
  const http = listen(platform, { host, port, services: { "/": service } });
  try {
    await http.start();
  } catch (error) {
    if (isFault(error, httpErrors.portTaken)) throw cliErrors.managementPort(host, port);
    throw error;
  }
  await service.start();
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${http.port}`;
  writeBusFile(dataDir, { url, key, pid: process.pid });
  return {
    url,
    async stop() {
      removeBusFile(dataDir);
      await service.stop();
      await http.stop();
    },
  };
}
