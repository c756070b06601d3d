// What a channel does for the methods of class exchange.
import {
  type BindingDeclaration,
  bindExchange,
  declareExchange,
  deleteExchange,
  existingExchange,
  unbindExchange,
} from "../acts.ts";
import type { Args } from "../codec/method-codec.ts";
import { type MethodTable, withoutLineEnds } from "./method-table.ts";

export const exchangeMethods: MethodTable = {
  "exchange.declare"(channel, args) {
    const { exchange, type, passive, durable, autoDelete, internal, noWait } = args;
    const name = withoutLineEnds(exchange);
    if (!passive)
      declareExchange(channel, { name, type, durable, autoDelete, internal, arguments: args.arguments });
    else existingExchange(channel, name);
    if (!noWait) channel.output.method(channel.number, "exchange.declare-ok", {});
  },

  "exchange.delete"(channel, { exchange, ifUnused, noWait }) {
    deleteExchange(channel, withoutLineEnds(exchange), { ifUnused });
    if (!noWait) channel.output.method(channel.number, "exchange.delete-ok", {});
  },

  "exchange.bind"(channel, { noWait, ...args }) {
    bindExchange(channel, bindingOf(args));
    if (!noWait) channel.output.method(channel.number, "exchange.bind-ok", {});
  },

  "exchange.unbind"(channel, { noWait, ...args }) {
    unbindExchange(channel, bindingOf(args));
    if (!noWait) channel.output.method(channel.number, "exchange.unbind-ok", {});
  },
};

function bindingOf(args: Omit<Args<"exchange.bind">, "noWait">): BindingDeclaration {
  const { source, destination, routingKey: key } = args;
  return {
    source: withoutLineEnds(source),
    destination: withoutLineEnds(destination),
    key,
    arguments: args.arguments,
  };
}
