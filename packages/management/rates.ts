// Rates of what the broker counts: two looks at the counters, five seconds apart, as RabbitMQ takes them.
// What has never counted anything is not remembered, so that a hundred thousand idle queues cost nothing.
import { setImmediate } from "node:timers/promises";
import type { Broker, MessageStats, VirtualHost } from "@micronova/amqp";
import { type Clock, type Millis, sleepUnlessAborted } from "@micronova/kit";

export type Counts = Readonly<Record<string, number>>;

type Queue = VirtualHost["queues"][number];

interface Sample {
  at: Millis;
  readonly counts: Counts;
  rates: Counts;
  /** Of a queue: what tells quickly that nothing has become of it. */
  readonly mark: number;
  readonly ready: number;
}

const intervalMs: Millis = 5_000;
// So many queues are looked at before others get their turn.
const turn = 5_000;
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
      await this.#look();
      await sleepUnlessAborted(this.#clock, intervalMs, signal);
    }
  }

  async #look(): Promise<void> {
    const { hosts, connections, churn } = this.#broker;
    this.#sample(churn, { ...churn });
    for (const host of hosts.values()) await this.#lookAt(host);
    for (const { traffic, channels } of connections) {
      this.#sample(traffic, { ...traffic });
      for (const { stats } of channels) this.#sample(stats, messageCounts(stats));
    }
  }

  async #lookAt(host: VirtualHost): Promise<void> {
    this.#sample(host.stats, messageCounts(host.stats.total));
    this.#sample(host, hostTotals(host));
    for (const { stats } of [host.defaultExchange, ...host.exchanges]) this.#sample(stats, { ...stats });
    const { queues } = host;
    for (let at = 0; at < queues.length; at++) {
      if (at > 0 && at % turn === 0) await setImmediate();
      this.#lookAtQueue(queues[at]!);
    }
  }

  #lookAtQueue({ stats, readyCount, unacknowledgedCount }: Queue): void {
    const mark = markOf(stats) + readyCount + unacknowledgedCount;
    const last = this.#samples.get(stats);
    if (last === undefined && mark === 0) return;
    if (last?.mark === mark && last.ready === readyCount) {
      // Nothing has become of it: a look at a hundred thousand idle queues makes no objects.
      last.at = this.#clock.monotonic();
      last.rates = none;
      return;
    }
    const counts = { ...messageCounts(stats), ...lengthsOf(readyCount, unacknowledgedCount) };
    this.#sample(stats, counts, { mark, ready: readyCount });
  }

  #sample(counters: object, counts: Counts, { mark, ready } = { mark: 0, ready: 0 }): void {
    const last = this.#samples.get(counters);
    if (last === undefined && Object.values(counts).every((count) => count === 0)) return;
    const at = this.#clock.monotonic();
    const rates = last === undefined ? none : ratesOf(last, counts, at);
    this.#samples.set(counters, { at, counts, rates, mark, ready });
  }
}

/** Grows with whatever becomes of a message. */
function markOf(stats: MessageStats): number {
  const { publish, deliver, deliver_no_ack, get, get_no_ack, get_empty, ack } = stats;
  return publish + deliver + deliver_no_ack + get + get_no_ack + get_empty + ack;
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
