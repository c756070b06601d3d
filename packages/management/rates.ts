// Rates of what the broker counts: two looks at the counters, five seconds apart, as RabbitMQ takes them.
// What has never counted anything is not remembered, so that a hundred thousand idle queues cost nothing.
import type { Broker, MessageStats, VirtualHost } from "@micronova/amqp";
import { type Clock, type Millis, sleepUnlessAborted } from "@micronova/kit";

export type Counts = Readonly<Record<string, number>>;

interface Sample {
  readonly at: Millis;
  readonly counts: Counts;
  readonly rates: Counts;
}

const intervalMs: Millis = 5_000;
const none: Counts = {};

export class Rates {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #samples = new WeakMap<object, Sample>();
  readonly #stopping = new AbortController();

  constructor(broker: Broker) {
    this.#broker = broker;
    this.#clock = broker.platform.clock;
  }

  start(): void {
    void this.#loop();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** How fast each counter grew between the last two looks, a second. */
  of(counters: object): Counts {
    return this.#samples.get(counters)?.rates ?? none;
  }

  /** Counts with their rates beside them, as RabbitMQ's answers have them. */
  detailed(counters: object, counts: Counts): Readonly<Record<string, unknown>> {
    const rates = this.of(counters);
    const detailed: Record<string, unknown> = {};
    for (const [name, count] of Object.entries(counts)) {
      detailed[name] = count;
      detailed[`${name}_details`] = { rate: rates[name] ?? 0 };
    }
    return detailed;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#look();
      await sleepUnlessAborted(this.#clock, intervalMs, signal);
    }
  }

  #look(): void {
    const { hosts, connections, churn } = this.#broker;
    this.#sample(churn, { ...churn });
    for (const host of hosts.values()) this.#lookAt(host);
    for (const { traffic, channels } of connections) {
      this.#sample(traffic, { ...traffic });
      for (const { stats } of channels) this.#sample(stats, messageCounts(stats));
    }
  }

  #lookAt(host: VirtualHost): void {
    this.#sample(host.stats, messageCounts(host.stats.total));
    this.#sample(host, hostTotals(host));
    for (const { stats } of [host.defaultExchange, ...host.exchanges]) this.#sample(stats, { ...stats });
    for (const queue of host.queues) {
      const { stats, readyCount: messages_ready, unacknowledgedCount: messages_unacknowledged } = queue;
      const lengths = lengthsOf(messages_ready, messages_unacknowledged);
      this.#sample(stats, { ...messageCounts(stats), ...lengths });
    }
  }

  #sample(counters: object, counts: Counts): void {
    const last = this.#samples.get(counters);
    if (last === undefined && Object.values(counts).every((count) => count === 0)) return;
    const at = this.#clock.monotonic();
    const rates = last === undefined ? none : ratesOf(last, counts, at);
    this.#samples.set(counters, { at, counts, rates });
  }
}

function ratesOf(last: Sample, counts: Counts, at: Millis): Counts {
  const seconds = Math.max(1, at - last.at) / 1000;
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, (count - (last.counts[name] ?? 0)) / seconds]),
  );
}

/** All counters, and what was handed out whichever way. */
export function messageCounts(stats: MessageStats): Counts {
  const { deliver, deliver_no_ack, get, get_no_ack } = stats;
  return { ...stats, deliver_get: deliver + deliver_no_ack + get + get_no_ack };
}

export function lengthsOf(ready: number, unacknowledged: number) {
  return {
    messages: ready + unacknowledged,
    messages_ready: ready,
    messages_unacknowledged: unacknowledged,
  };
}

/** How much waits in the queues of a virtual host. */
export function hostTotals({ queues }: VirtualHost): ReturnType<typeof lengthsOf> {
  let ready = 0;
  let unacknowledged = 0;
  for (const queue of queues) {
    ready += queue.readyCount;
    unacknowledged += queue.unacknowledgedCount;
  }
  return lengthsOf(ready, unacknowledged);
}
