// How often a message has come back from consumers that went away with it. A quorum queue counts by itself;
// for other queues, whose `redelivered` only says that it happened, the count travels in the message, which is
// put back into its queue before anybody tries again.
import type { Bus, Delivery } from "@micronova/amqp";

const quorumHeader = "x-delivery-count";
const ownHeader = "micronova-redeliveries";

// A worker that is restarted gives back all it has in hand, so innocent messages come back as well; but not
// so often within the time that somebody waits for them.
const redeliveriesMax = 5;

export function redeliveriesOf({ message, redelivered }: Delivery): number {
  const { [quorumHeader]: counted, [ownHeader]: noted } = message.headers ?? {};
  if (typeof counted === "number") return counted;
  return (typeof noted === "number" ? noted : 0) + (redelivered ? 1 : 0);
}

export function isPoison(redeliveries: number): boolean {
  return redeliveries > redeliveriesMax;
}

/** Whether the count is in the message already, and survives whoever takes it now. */
export function isNoted({ message, redelivered }: Delivery): boolean {
  return !redelivered || message.headers?.[quorumHeader] !== undefined;
}

/**
 * Puts the message back with its count, at the queue's end, and acknowledges it once the broker keeps it
 * there. Whoever dies between the two leaves it twice, under one id; each has its count, so it cannot go on
 * for ever. It must not be tried before this resolves.
 */
export async function note(bus: Bus, queue: string, delivery: Delivery): Promise<void> {
  const { message } = delivery;
  const headers = { ...message.headers, [ownHeader]: redeliveriesOf(delivery) };
  await bus.publish({ exchange: "", key: queue }, { ...message, headers }, { mandatory: true });
  delivery.ack();
}
