// A broker of the test's own, on a free port of the loopback, and foreign clients against it as real
// processes.
import { execFile } from "node:child_process";
import { type AmqpService, Broker, type BrokerOptions, serveAmqp } from "@micronova/amqp";
import { metricsRegistry, type Platform, silentLog, systemClock, systemRandom } from "@micronova/kit";

export const realPlatform: Platform = {
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  metrics: metricsRegistry(),
};

export interface RunningBroker {
  readonly broker: Broker;
  readonly service: AmqpService;
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = new Broker(realPlatform, options);
  const service = serveAmqp(broker, { host: "127.0.0.1", port: 0 });
  await service.start();
  const url = `amqp://guest:guest@127.0.0.1:${service.port}`;
  const stop = async () => {
    await service.stop();
    broker.close();
  };
  return { broker, service, port: service.port, url, stop };
}

interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const patienceMs = 60_000;

/** Runs a program to its end; its status is part of the answer. */
export function said(program: string, args: readonly string[], input = ""): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: patienceMs }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ status, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}
