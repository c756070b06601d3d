// What a channel does for the methods of class exchange.
import { bindExchange, declareExchange, deleteExchange, unbindExchange } from "../acts.ts";
import type { MethodTable } from "./method-table.ts";

export const exchangeMethods: MethodTable = {
  "exchange.declare"(channel, args) {
    const { exchange: name, type, passive, durable, autoDelete, internal, noWait } = args;
    if (!passive)
      declareExchange(channel, { name, type, durable, autoDelete, internal, arguments: args.arguments });
    else if (name !== "") channel.host.exchange(name);
    if (!noWait) channel.output.method(channel.number, "exchange.declare-ok", {});
  },

  "exchange.delete"(channel, { exchange: name, ifUnused, noWait }) {
    deleteExchange(channel, name, { ifUnused });
    if (!noWait) channel.output.method(channel.number, "exchange.delete-ok", {});
  },

  "exchange.bind"(channel, { destination, source, routingKey: key, noWait, arguments: args }) {
    bindExchange(channel, { source, destination, key, arguments: args });
    if (!noWait) channel.output.method(channel.number, "exchange.bind-ok", {});
  },

  "exchange.unbind"(channel, { destination, source, routingKey: key, noWait, arguments: args }) {
    unbindExchange(channel, { source, destination, key, arguments: args });
    if (!noWait) channel.output.method(channel.number, "exchange.unbind-ok", {});
  },
};
