// The exchange of everybody who answers to a topic. It goes with the last listener, so whoever sends or
// listens may find that it has just gone.
import { amqpErrors, type Bus, type Consumer, type Delivery, type Message } from "@micronova/amqp";
import { isFault } from "@micronova/kit";
import { fanoutExchange, fanoutQueue } from "./names.ts";
import type { Parking } from "./parking.ts";

// What is sent to all is handled as it comes; the bound only keeps a burst from filling memory twice.
const prefetch = 256;

export interface Listening {
  readonly topic: string;
  /** Names the listener's own queue. */
  readonly id: string;
  readonly handle: (delivery: Delivery) => void;
}

export function consumeFanout(
  bus: Bus,
  parking: Parking,
  { topic, id, handle }: Listening,
): Promise<Consumer> {
  const options = { prefetch, isOwn: true };
  return withExchange(bus, topic, () => parking.consume(fanoutQueue(topic, id), options, handle));
}

/** Sends to all of a topic. It does not matter whether there is anybody. */
export class FanoutSender {
  readonly #bus: Bus;
  readonly #declared = new Set<string>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async send(topic: string, message: Message): Promise<void> {
    const publish = () => this.#bus.publish({ exchange: fanoutExchange(topic).name, key: "" }, message);
    if (this.#declared.has(topic)) {
      try {
        return await publish();
      } catch (error) {
        if (!isFault(error, amqpErrors.exchangeNotFound)) throw error;
      }
    }
    this.#declared.add(topic);
    await withExchange(this.#bus, topic, publish);
  }
}

/** Declares the exchange before; once more when its last listener left in between. */
async function withExchange<T>(bus: Bus, topic: string, act: () => Promise<T>): Promise<T> {
  await bus.declare(fanoutExchange(topic));
  try {
    return await act();
  } catch (error) {
    if (!isFault(error, amqpErrors.exchangeNotFound)) throw error;
    await bus.declare(fanoutExchange(topic));
    return act();
  }
}
