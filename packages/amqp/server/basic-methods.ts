// What a channel does for the methods of class basic, beside publishing.
import { assertMay } from "../acts.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { Entry } from "../queue/entry.ts";
import type { Channel } from "./channel.ts";
import { type MethodTable, queueName } from "./method-table.ts";
import { directReplyTo } from "./publishing.ts";
import { existing } from "./queue-methods.ts";

export const basicMethods: MethodTable = {
  "basic.qos"(channel, { prefetchSize, prefetchCount, global }) {
    if (prefetchSize !== 0) throw new ReplyError("NOT_IMPLEMENTED", `prefetch_size!=0 (${prefetchSize})`);
    if (global) channel.prefetch = prefetchCount;
    else channel.prefetchOfNext = prefetchCount;
    channel.output.method(channel.number, "basic.qos-ok", {});
    channel.wake();
  },

  "basic.consume"(channel, args) {
    const { noAck, exclusive, noWait } = args;
    const consumerTag =
      args.consumerTag === "" ? `amq.ctag-${channel.connection.newName()}` : args.consumerTag;
    if (channel.consumers.has(consumerTag))
      throw new ReplyError("NOT_ALLOWED", `attempt to reuse consumer tag '${consumerTag}'`);
    const isReply = args.queue === directReplyTo;
    const queue = isReply ? openReply(channel, noAck) : existing(channel, args.queue);
    if (!isReply) assertMay(channel, "read", "queue", queue.name);
    const request = { queue: queue.name, tag: consumerTag, noAck, exclusive, arguments: args.arguments };
    channel.consume(queue, request);
    // Deliveries have to wait for a turn, so this comes first.
    if (!noWait) channel.output.method(channel.number, "basic.consume-ok", { consumerTag });
  },

  "basic.cancel"(channel, { consumerTag, noWait }) {
    channel.cancel(consumerTag);
    if (!noWait) channel.output.method(channel.number, "basic.cancel-ok", { consumerTag });
  },

  "basic.get"(channel, { queue: given, noAck }) {
    assertMay(channel, "read", "queue", queueName(channel, given));
    const queue = existing(channel, given);
    const entry = queue.get();
    if (entry === null) {
      channel.stats.get_empty++;
      queue.stats.get_empty++;
      channel.output.method(channel.number, "basic.get-empty", {});
      return;
    }
    countGet(channel, entry, noAck);
    const tag = noAck ? channel.nextTag() : channel.hold(entry);
    channel.output.getOk(channel.number, tag, entry.redelivered, entry.delivered, queue.readyCount);
    if (noAck) queue.settle(entry, "ack");
  },

  "basic.ack"(channel, { deliveryTag, multiple }) {
    channel.settle(deliveryTag, multiple, "ack");
  },

  "basic.reject"(channel, { deliveryTag, requeue }) {
    channel.settle(deliveryTag, false, requeue ? "return" : "reject");
  },

  "basic.nack"(channel, { deliveryTag, multiple, requeue }) {
    channel.settle(deliveryTag, multiple, requeue ? "return" : "reject");
  },

  "basic.recover-async"(channel, { requeue }) {
    assertRequeue(requeue);
    channel.recover();
  },

  "basic.recover"(channel, { requeue }) {
    assertRequeue(requeue);
    channel.recover();
    channel.output.method(channel.number, "basic.recover-ok", {});
  },
};

function countGet({ stats }: Channel, { queue, redelivered }: Entry, noAck: boolean): void {
  for (const counted of [stats, queue.stats]) {
    if (noAck) counted.get_no_ack++;
    else counted.get++;
    if (redelivered) counted.redeliver++;
  }
}

function openReply(channel: Channel, noAck: boolean) {
  if (!noAck) throw new ReplyError("PRECONDITION_FAILED", "reply consumer cannot acknowledge");
  return channel.openReplyQueue(channel.connection.newName());
}

function assertRequeue(requeue: boolean): void {
  if (!requeue) throw new ReplyError("NOT_IMPLEMENTED", "requeue=false");
}
