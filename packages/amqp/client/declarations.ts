// Exchanges and queues of the Bus as a client declares them, on its first connection and on every later one.
import type { Exchange, Queue } from "../bus.ts";
import { argumentsOf, specOf } from "../queue-spec.ts";
import type { Link } from "./link.ts";

export async function declareExchange(link: Link, channel: number, exchange: Exchange): Promise<void> {
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
  await link.request(channel, "exchange.declare", args, "exchange.declare-ok");
}

/** Declares and binds it; returns its name, which the broker may have chosen. */
export async function declareQueue(link: Link, channel: number, queue: Queue): Promise<string> {
  const { name: wanted, durable, exclusive, autoDelete } = specOf(queue);
  const declared = { queue: wanted, passive: false, durable, exclusive, autoDelete, noWait: false };
  const args = { ...declared, arguments: argumentsOf(queue) };
  const { queue: name } = await link.request(channel, "queue.declare", args, "queue.declare-ok");
  for (const { exchange, key: routingKey, headers } of queue.bindings ?? []) {
    // Every queue is bound to the default exchange already, by its name.
    if (exchange === "") continue;
    const binding = { queue: name, exchange, routingKey, noWait: false, arguments: headers ?? {} };
    await link.request(channel, "queue.bind", binding, "queue.bind-ok");
  }
  return name;
}
