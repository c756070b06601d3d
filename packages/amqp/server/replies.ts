// The broker's faults as AMQP's replies: RabbitMQ's codes and texts, word by word.
import { Fault } from "@micronova/kit";
import { ReplyError, type ReplyName } from "../codec/reply-codes.ts";
import { amqpErrors } from "../errors.ts";

type Text = (host: string, name: string, ...more: readonly string[]) => string;

const locked = `. It could be originally declared on another connection or the exclusive property value does not \
match that of the original declaration.`;

const replies: Readonly<Record<string, readonly [ReplyName, Text]>> = {
  [amqpErrors.exchangeNotFound.kind]: [
    "NOT_FOUND",
    (host, name) => `no exchange '${name}' in vhost '${host}'`,
  ],
  [amqpErrors.queueNotFound.kind]: ["NOT_FOUND", (host, name) => `no queue '${name}' in vhost '${host}'`],
  [amqpErrors.exchangeDiffers.kind]: [
    "PRECONDITION_FAILED",
    (host, name, argument, difference) =>
      `inequivalent arg '${argument}' for exchange '${name}' in vhost '${host}': ${difference}`,
  ],
  [amqpErrors.queueDiffers.kind]: [
    "PRECONDITION_FAILED",
    (host, name, argument, difference) =>
      `inequivalent arg '${argument}' for queue '${name}' in vhost '${host}': ${difference}`,
  ],
  [amqpErrors.badArgument.kind]: [
    "PRECONDITION_FAILED",
    (host, name, argument, why) => `invalid arg '${argument}' for queue '${name}' in vhost '${host}': ${why}`,
  ],
  [amqpErrors.badArgumentType.kind]: [
    "PRECONDITION_FAILED",
    (host, name, argument, type) =>
      `invalid type '${type}' for arg '${argument}' in queue '${name}' in vhost '${host}'`,
  ],
  [amqpErrors.argumentOfOtherType.kind]: [
    "PRECONDITION_FAILED",
    (host, name, argument, type) =>
      `invalid arg '${argument}' for queue '${name}' in vhost '${host}' of queue type rabbit_${type}_queue`,
  ],
  [amqpErrors.propertyOfOtherType.kind]: [
    "PRECONDITION_FAILED",
    (host, name, property) => `invalid property '${property}' for queue '${name}' in vhost '${host}'`,
  ],
  [amqpErrors.exchangeInUse.kind]: [
    "PRECONDITION_FAILED",
    (host, name) => `exchange '${name}' in vhost '${host}' in use`,
  ],
  [amqpErrors.queueInUse.kind]: [
    "PRECONDITION_FAILED",
    (host, name) => `queue '${name}' in vhost '${host}' in use`,
  ],
  [amqpErrors.queueNotEmpty.kind]: [
    "PRECONDITION_FAILED",
    (host, name) => `queue '${name}' in vhost '${host}' not empty`,
  ],
  [amqpErrors.queueLocked.kind]: [
    "RESOURCE_LOCKED",
    (host, name) => `cannot obtain exclusive access to locked queue '${name}' in vhost '${host}'${locked}`,
  ],
  [amqpErrors.consumedExclusively.kind]: [
    "ACCESS_REFUSED",
    (host, name) => `queue '${name}' in vhost '${host}' in exclusive use`,
  ],
  [amqpErrors.diskRefuses.kind]: ["RESOURCE_ERROR", () => "the disk takes nothing more"],
};

/** The reply for an error, if it is one that a peer has caused. */
export function replyOf(error: unknown, host: string): ReplyError | null {
  if (error instanceof ReplyError) return error;
  if (!(error instanceof Fault)) return null;
  const row = replies[error.kind];
  if (row === undefined) return null;
  const [name, text] = row;
  const [subject = "", ...more] = error.params.map(String);
  // They cost the channel alone: that a disk is full is no other channel's concern.
  return new ReplyError(name, text(host, subject, ...more), { isHard: false });
}
