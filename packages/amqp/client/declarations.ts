// Exchanges and queues of the Bus as a client declares them, on its first connection and on every later one.
import type { Exchange, Queue } from "../bus.ts";
import type { QueueType } from "../queue/queue-types.ts";
import { argumentsOf, specOf } from "../queue-spec.ts";
import type { LinkChannel } from "./link-channel.ts";

export async function declareExchange(channel: LinkChannel, exchange: Exchange): Promise<void> {
  const { name, kind, durable, autoDelete } = exchange;
  const args = {
    exchange: name,
    type: kind,
    passive: false,
    durable: durable ?? false,
    autoDelete: autoDelete ?? false,
    internal: false,
    noWait: false,
    arguments: {},
  };
  await channel.request("exchange.declare", args, "exchange.declare-ok");
}

/** Declares and binds it; returns its name, which the broker may have chosen. */
export async function declareQueue(channel: LinkChannel, queue: Queue, type: QueueType): Promise<string> {
  const { name: wanted, durable, exclusive, autoDelete } = specOf(queue);
  const declared = { queue: wanted, passive: false, durable, exclusive, autoDelete, noWait: false };
  // Only what lasts can be replicated; the others are of one connection or one consumer.
  const isReplicated = type === "quorum" && durable && !exclusive && !autoDelete;
  const args = { ...argumentsOf(queue), ...(isReplicated ? { "x-queue-type": "quorum" } : {}) };
  const { queue: name } = await channel.request(
    "queue.declare",
    { ...declared, arguments: args },
    "queue.declare-ok",
  );
  for (const { exchange, key: routingKey, headers } of queue.bindings ?? []) {
    // Every queue is bound to the default exchange already, by its name.
    if (exchange === "") continue;
    const binding = { queue: name, exchange, routingKey, noWait: false, arguments: headers ?? {} };
    await channel.request("queue.bind", binding, "queue.bind-ok");
  }
  return name;
}
