// `micronova bus serve`: the broker on its own, for clients that never heard of a cloud.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Broker, persistence, serveAmqp } from "@micronova/amqp";
import { jsonLog, metricsRegistry, systemClock, systemRandom } from "@micronova/kit";
import { cliErrors } from "../errors.ts";

export interface BusOptions {
  readonly dataDir: string;
  readonly listen: string;
  readonly port: string;
  readonly insecure?: boolean;
}

const isLoopback = (address: string) => ["127.0.0.1", "::1", "localhost"].includes(address);

/** Serves until it is told to stop; what is durable is in the data directory. */
export async function serveBus({ dataDir, listen, port, insecure }: BusOptions): Promise<void> {
  if (!/^\d+$/.test(port)) throw cliErrors.notANumber("--port", port);
  if (!isLoopback(listen) && insecure !== true) throw cliErrors.notLoopback(listen);
  const dir = resolve(dataDir, "bus");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const log = jsonLog({ level: "info", path: join(dir, "bus.log") });
  const platform = { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
  const broker = new Broker(platform);
  const storage = persistence(broker, dir);
  await storage.start();
  const service = serveAmqp(broker, { host: listen, port: Number(port) });
  await service.start();
  process.stderr.write(`The bus is up at amqp://guest:guest@${listen}:${service.port}, kept in ${dir}.\n`);
  await new Promise<void>((stop) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop());
  });
  await service.stop();
  broker.close();
  await storage.stop();
}
