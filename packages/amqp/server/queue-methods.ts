// What a channel does for the methods of class queue.
import type { Args } from "../codec/method-codec.ts";
import { amqpErrors } from "../errors.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import type { Channel } from "./channel.ts";
import { assertNotDefault, assertUnreserved, type MethodTable, queueName } from "./method-table.ts";
import { directReplyTo } from "./publishing.ts";

export const queueMethods: MethodTable = {
  "queue.declare"(channel, args) {
    const queue = args.passive ? existing(channel, args.queue) : declared(channel, args);
    channel.lastQueue = queue.name;
    if (args.noWait) return;
    channel.output.method(channel.number, "queue.declare-ok", {
      queue: queue.name,
      messageCount: queue.readyCount,
      consumerCount: queue.consumerCount,
    });
  },

  "queue.bind"(channel, { queue: given, exchange, routingKey, noWait, arguments: args }) {
    const queue = bindable(channel, given, exchange);
    const key = routingKey === "" && given === "" ? queue.name : routingKey;
    channel.host.bind(queue, { source: exchange, key, arguments: args });
    if (!noWait) channel.output.method(channel.number, "queue.bind-ok", {});
  },

  "queue.unbind"(channel, { queue: given, exchange, routingKey: key, arguments: args }) {
    const queue = bindable(channel, given, exchange);
    channel.host.unbind(queue, { source: exchange, key, arguments: args });
    channel.output.method(channel.number, "queue.unbind-ok", {});
  },

  "queue.purge"(channel, { queue: given, noWait }) {
    const queue = existing(channel, given);
    channel.assertMay("read", "queue", queue.name);
    const messageCount = queue.purge();
    if (!noWait) channel.output.method(channel.number, "queue.purge-ok", { messageCount });
  },

  "queue.delete"(channel, { queue: given, ifUnused, ifEmpty, noWait }) {
    const name = queueName(channel, given);
    channel.assertMay("configure", "queue", name);
    assertMine(channel, channel.host.findQueue(name));
    const messageCount = channel.host.deleteQueue(name, { ifUnused, ifEmpty });
    if (!noWait) channel.output.method(channel.number, "queue.delete-ok", { messageCount });
  },
};

/** An existing queue that the connection may use. */
export function existing(channel: Channel, given: string): MessageQueue {
  const queue = channel.host.queue(queueName(channel, given));
  assertMine(channel, queue);
  queue.touch();
  return queue;
}

function declared(channel: Channel, args: Args<"queue.declare">): MessageQueue {
  const { durable, exclusive, autoDelete, arguments: table } = args;
  const name = args.queue === "" ? `amq.gen-${channel.connection.newName()}` : args.queue;
  if (name.startsWith(`${directReplyTo}.`)) return existing(channel, name);
  channel.assertMay("configure", "queue", name);
  const letters = table["x-dead-letter-exchange"];
  if (typeof letters === "string") {
    channel.assertMay("read", "queue", name);
    channel.assertMay("write", "exchange", letters === "" ? "amq.default" : letters);
  }
  if (args.queue !== "" && channel.host.findQueue(name) === null) assertUnreserved("queue", name);
  const spec = { name, durable, exclusive, autoDelete, arguments: table };
  const queue = channel.host.declareQueue(spec, channel.connection);
  if (exclusive) channel.connection.exclusive.add(queue);
  return queue;
}

function bindable(channel: Channel, given: string, exchange: string): MessageQueue {
  const queue = existing(channel, given);
  channel.assertMay("write", "queue", queue.name);
  assertNotDefault(exchange);
  channel.assertMay("read", "exchange", exchange);
  return queue;
}

function assertMine(channel: Channel, queue: MessageQueue | null): void {
  if (queue !== null && queue.owner !== null && queue.owner !== channel.connection)
    throw amqpErrors.queueLocked(queue.name);
}
