// The form of the tables that say what a channel does for each method.
import type { Args } from "../codec/method-codec.ts";
import type { MethodName } from "../codec/methods.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { Channel } from "./channel.ts";

export type MethodTable = { readonly [M in MethodName]?: (channel: Channel, args: Args<M>) => void };

/** The empty name is the queue that the channel declared last. */
export function queueName(channel: Channel, name: string): string {
  if (name !== "") return name;
  if (channel.lastQueue === "") throw new ReplyError("NOT_FOUND", "no previously declared queue");
  return channel.lastQueue;
}

/** Names that begin so are the broker's to give. */
export function assertUnreserved(kind: "exchange" | "queue", name: string): void {
  if (name.startsWith("amq."))
    throw new ReplyError("ACCESS_REFUSED", `${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

export function assertNotDefault(exchange: string): void {
  if (exchange === "")
    throw new ReplyError("ACCESS_REFUSED", "operation not permitted on the default exchange");
}
