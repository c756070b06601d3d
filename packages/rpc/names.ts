// The names of exchanges and queues: those that operators of OpenStack know, and that oslo.messaging's own
// declarations agree with.
import type { Exchange, Queue } from "@micronova/amqp";

export const workExchange: Exchange = { name: "micronova", kind: "topic", durable: true };

/** The queue, and its key, of a role or of one host's worker: `scheduler`, `compute.h1`. */
export function workTarget(topic: string, host: string | null): string {
  return host === null ? topic : `${topic}.${host}`;
}

/** Without arguments: whoever else declares a queue of this name gives it none. */
export function workQueue(target: string): Queue {
  return { name: target, durable: true, bindings: [{ exchange: workExchange.name, key: target }] };
}

/** Gone with the last of its listeners, as Python's clients declare it. */
export function fanoutExchange(topic: string): Exchange {
  return { name: `${topic}_fanout`, kind: "fanout", autoDelete: true };
}

// A listener that falls this far behind misses the oldest news; announcements are hints.
const newsWaitingMax = 10_000;

/**
 * A listener's own queue. Not exclusive: after a connection that was cut without a word, the broker would
 * keep it locked for the dead one.
 */
export function fanoutQueue(topic: string, listener: string): Queue {
  const { name } = fanoutExchange(topic);
  return {
    name: `${name}_${listener}`,
    autoDelete: true,
    lengthMax: newsWaitingMax,
    overflow: "drop-oldest",
    bindings: [{ exchange: name, key: topic }],
  };
}

// After a broken connection a process has so long to come back for the answers that came meanwhile.
const replyExpiresMs = 120_000;

/** Where one process takes its answers, by the default exchange. Not exclusive, as above. */
export function replyQueue(name: string): Queue {
  return { name, expiresMs: replyExpiresMs };
}

// Enough to find out what is wrong; what keeps coming pushes out what came first.
const deadWaitingMax = 10_000;

/** Where messages are parked that cannot be handled, for somebody to look at. */
export const deadQueue: Queue = {
  name: "micronova.dead",
  durable: true,
  lengthMax: deadWaitingMax,
  overflow: "drop-oldest",
};

/** Without arguments, as Python's listeners declare it. */
export function notificationQueue(priority: string): Queue {
  return workQueue(`notifications.${priority}`);
}
