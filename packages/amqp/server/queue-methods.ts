// What a channel does for the methods of class queue.
import { bindQueue, declareQueue, deleteQueue, existingQueue, purgeQueue, unbindQueue } from "../acts.ts";
import type { Args } from "../codec/method-codec.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import type { Channel } from "./channel.ts";
import { type MethodTable, queueName, withoutLineEnds } from "./method-table.ts";
import { directReplyTo } from "./publishing.ts";

export const queueMethods: MethodTable = {
  "queue.declare"(channel, args) {
    const name = withoutLineEnds(args.queue);
    const queue = args.passive ? existingQueue(channel, name) : declared(channel, { ...args, queue: name });
    channel.lastQueue = queue.name;
    if (args.noWait) return;
    channel.output.method(channel.number, "queue.declare-ok", {
      queue: queue.name,
      messageCount: queue.readyCount,
      consumerCount: queue.consumerCount,
    });
  },

  "queue.bind"(channel, { queue: given, exchange, routingKey, noWait, arguments: args }) {
    const source = withoutLineEnds(exchange);
    const destination = withoutLineEnds(queueName(channel, given));
    const key = routingKey === "" && given === "" ? destination : routingKey;
    bindQueue(channel, { source, destination, key, arguments: args });
    if (!noWait) channel.output.method(channel.number, "queue.bind-ok", {});
  },

  "queue.unbind"(channel, { queue: given, exchange, routingKey: key, arguments: args }) {
    const source = withoutLineEnds(exchange);
    const destination = withoutLineEnds(queueName(channel, given));
    unbindQueue(channel, { source, destination, key, arguments: args });
    channel.output.method(channel.number, "queue.unbind-ok", {});
  },

  "queue.purge"(channel, { queue: given, noWait }) {
    const messageCount = purgeQueue(channel, queueName(channel, given));
    if (!noWait) channel.output.method(channel.number, "queue.purge-ok", { messageCount });
  },

  "queue.delete"(channel, { queue: given, ifUnused, ifEmpty, noWait }) {
    const name = withoutLineEnds(queueName(channel, given));
    const messageCount = deleteQueue(channel, name, { ifUnused, ifEmpty });
    if (!noWait) channel.output.method(channel.number, "queue.delete-ok", { messageCount });
  },
};

/** An existing queue that the connection may use. */
export function existing(channel: Channel, given: string): MessageQueue {
  return existingQueue(channel, queueName(channel, given));
}

function declared(channel: Channel, args: Args<"queue.declare">): MessageQueue {
  const { durable, exclusive, autoDelete, arguments: table } = args;
  const name = args.queue === "" ? `amq.gen-${channel.connection.newName()}` : args.queue;
  if (name.startsWith(`${directReplyTo}.`)) return existing(channel, name);
  const spec = { name, durable, exclusive, autoDelete, arguments: table };
  const queue = declareQueue(channel, spec, args.queue !== "");
  if (exclusive) channel.connection.exclusive.add(queue);
  return queue;
}
