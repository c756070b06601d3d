// The three doors that every Bus suite goes through: in process, our broker by a socket, and RabbitMQ.
import { Broker, type Bus, type ConnectOptions, connectAmqp } from "@micronova/amqp";
import { osloEnvelope } from "@micronova/rpc";
import { type RunningBroker, realPlatform, startBroker } from "./running-broker.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "./running-rabbit.ts";

export interface Door {
  readonly name: string;
  /** Why it cannot be tested here; false when it can. */
  readonly skip: string | false;
  /** A bus of one process; closed with the others at the end. */
  connect(options?: ConnectOptions): Bus;
}

export interface ThreeBuses {
  readonly doors: readonly Door[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function threeBuses(): ThreeBuses {
  const inside = new Broker(realPlatform);
  const open: Bus[] = [];
  let running: RunningBroker;
  let rabbit: RunningRabbit | null = null;
  const kept = (bus: Bus) => {
    open.push(bus);
    return bus;
  };
  const dial = (url: string, options: ConnectOptions = {}) =>
    kept(connectAmqp(realPlatform, [url], { form: osloEnvelope, ...options }));
  return {
    doors: [
      { name: "in process", skip: false, connect: () => kept(inside.bus()) },
      { name: "our broker by a socket", skip: false, connect: (options) => dial(running.url, options) },
      { name: "RabbitMQ", skip: rabbitMissing, connect: (options) => dial(rabbit!.url, options) },
    ],
    async start() {
      running = await startBroker({ form: osloEnvelope });
      if (rabbitMissing === false) rabbit = await startRabbit();
    },
    async stop() {
      for (const bus of open) await bus.close();
      await running.stop();
      await rabbit?.stop();
      inside.close();
    },
  };
}

export async function eventually(isTrue: () => boolean): Promise<void> {
  const until = Date.now() + patienceMs;
  while (!isTrue()) {
    if (Date.now() >= until) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const patienceMs = 10_000;
let unique = Date.now();

/** A name that no test has used before. */
export const fresh = (name: string) => `test-${name}-${unique++}`;
