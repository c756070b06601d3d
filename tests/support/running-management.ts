// The management API of a broker of the test's own, on free ports, and RabbitMQ's own with the same
// interface.
import { Broker, type Bus, connectAmqp, serveAmqp } from "@micronova/amqp";
import { listen } from "@micronova/http";
import { basicAuth, managementService } from "@micronova/management";
import { freePort } from "./free-port.ts";
import { realPlatform } from "./running-broker.ts";
import { startRabbit } from "./running-rabbit.ts";

export interface RunningManagement {
  /** Of the API, on the loopback. */
  readonly port: number;
  readonly metricsUrl: string;
  /** Asks as the guest, or another whose password is his name. */
  ask(method: string, path: string, body?: unknown, user?: string): Promise<Asked>;
  connect(): Bus;
  stop(): Promise<void>;
}

export interface Asked {
  readonly status: number;
  readonly location: string | undefined;
  /** JSON; null when there is none. */
  readonly body: unknown;
}

export async function startManagement(): Promise<RunningManagement> {
  const broker = new Broker(realPlatform);
  const host = "127.0.0.1";
  const amqp = serveAmqp(broker, { host, port: 0 });
  await amqp.start();
  const service = managementService({
    broker,
    doorkeeper: basicAuth(broker),
    nodeName: "micronova@localhost",
    listeners: () => [{ protocol: "amqp", ip_address: host, port: amqp.port }],
    dataDir: null,
    metrics: "all",
  });
  const http = listen(realPlatform, { host, port: 0, services: { "/": service } });
  await http.start();
  await service.start();
  return {
    port: http.port,
    metricsUrl: `http://${host}:${http.port}/metrics`,
    ask: asker(http.port),
    connect: () => connectAmqp(realPlatform, [`amqp://guest:guest@${host}:${amqp.port}`]),
    async stop() {
      await service.stop();
      await http.stop();
      await amqp.stop();
      broker.close();
    },
  };
}

export async function startRabbitManagement(): Promise<RunningManagement> {
  const metricsPort = await freePort();
  const rabbit = await startRabbit({
    plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
    config: `prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = ${metricsPort}`,
  });
  return {
    port: rabbit.managementPort,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    ask: asker(rabbit.managementPort),
    connect: () => connectAmqp(realPlatform, [rabbit.url]),
    stop: () => rabbit.stop(),
  };
}

function asker(port: number): RunningManagement["ask"] {
  return async (method, path, body, user = "guest") => {
    const response = await fetch(`http://127.0.0.1:${port}/api${path}`, {
      method,
      headers: { authorization: `Basic ${btoa(`${user}:${user}`)}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const location = response.headers.get("location") ?? undefined;
    return { status: response.status, location, body: text === "" ? null : JSON.parse(text) };
  };
}
