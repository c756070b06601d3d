// A queue of the Bus as AMQP declares it: the same on every door, so that all may declare it.
import type { Queue } from "./bus.ts";
import type { Table } from "./codec/table.ts";
import type { QueueSpec } from "./queue/message-queue.ts";

export function specOf({ name, durable, exclusive, autoDelete, ...limits }: Queue): QueueSpec {
  return {
    name,
    durable: durable ?? false,
    exclusive: exclusive ?? false,
    autoDelete: autoDelete ?? false,
    arguments: argumentsOf(limits),
  };
}

export function argumentsOf({ expiresMs, lengthMax, overflow }: Omit<Queue, "name">): Table {
  return {
    ...(expiresMs === undefined ? {} : { "x-expires": expiresMs }),
    ...(lengthMax === undefined ? {} : { "x-max-length": lengthMax }),
    ...(lengthMax === undefined || overflow === "drop-oldest" ? {} : { "x-overflow": "reject-publish" }),
  };
}
