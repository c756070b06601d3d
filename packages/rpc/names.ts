// The names of exchanges and queues: those that operators of OpenStack know.
import type { Exchange, Queue } from "@micronova/amqp";

export const workExchange: Exchange = { name: "micronova", kind: "topic", durable: true };

/** The queue, and its key, of a role or of one host's worker: `scheduler`, `compute.h1`. */
export function workTarget(topic: string, host: string | null): string {
  return host === null ? topic : `${topic}.${host}`;
}

export function workQueue(target: string): Queue {
  return { name: target, durable: true, bindings: [{ exchange: workExchange.name, key: target }] };
}

export function fanoutExchange(topic: string): Exchange {
  return { name: `${topic}_fanout`, kind: "fanout" };
}

// A listener that falls this far behind misses the oldest news; announcements are hints.
const newsWaitingMax = 10_000;

/** A listener's own queue. */
export function fanoutQueue(topic: string, listener: string): Queue {
  const { name } = fanoutExchange(topic);
  return {
    name: `${name}_${listener}`,
    exclusive: true,
    autoDelete: true,
    lengthMax: newsWaitingMax,
    overflow: "drop-oldest",
    bindings: [{ exchange: name, key: "" }],
  };
}

export function replyExchange(name: string): Exchange {
  return { name, kind: "direct", autoDelete: true };
}

// After a broken connection a process has so long to come back for its answers.
const replyExpiresMs = 600_000;

/** Where one process takes its answers. */
export function replyQueue(name: string): Queue {
  return { name, exclusive: true, expiresMs: replyExpiresMs, bindings: [{ exchange: name, key: name }] };
}
