// The form of the tables that say what a channel does for each method.
import type { Args } from "../codec/method-codec.ts";
import type { MethodName } from "../codec/methods.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { Channel } from "./channel.ts";

export type MethodTable = { readonly [M in MethodName]?: (channel: Channel, args: Args<M>) => void };

/** As RabbitMQ has it, names lose their line ends where they are declared, bound and deleted. */
export function withoutLineEnds(name: string): string {
  return name.replace(/[\r\n]/g, "");
}

/** The empty name is the queue that the channel declared last. */
export function queueName(channel: Channel, name: string): string {
  if (name !== "") return name;
  if (channel.lastQueue === "") throw new ReplyError("NOT_FOUND", "no previously declared queue");
  return channel.lastQueue;
}
