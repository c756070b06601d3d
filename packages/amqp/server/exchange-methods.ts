// What a channel does for the methods of class exchange.
import type { ExchangeKind } from "../bus.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { Table } from "../codec/table.ts";
import type { Channel } from "./channel.ts";
import { assertNotDefault, assertUnreserved, type MethodTable } from "./method-table.ts";

const kinds: readonly string[] = ["direct", "topic", "fanout", "headers"];

export const exchangeMethods: MethodTable = {
  "exchange.declare"(channel, args) {
    const { exchange: name, type, passive, durable, autoDelete, internal, noWait } = args;
    if (passive) {
      if (name !== "") channel.host.exchange(name);
    } else {
      assertNotDefault(name);
      if (!kinds.includes(type)) throw new ReplyError("COMMAND_INVALID", `unknown exchange type '${type}'`);
      channel.assertMay("configure", "exchange", name);
      assertAlternateRights(channel, name, args.arguments);
      if (channel.host.findExchange(name) === null) assertUnreserved("exchange", name);
      // The list above has the kinds that there are.
      const kind = type as ExchangeKind;
      channel.host.declareExchange({ name, kind, durable, autoDelete, internal, arguments: args.arguments });
    }
    if (!noWait) channel.output.method(channel.number, "exchange.declare-ok", {});
  },

  "exchange.delete"(channel, { exchange: name, ifUnused, noWait }) {
    assertNotDefault(name);
    assertUnreserved("exchange", name);
    channel.assertMay("configure", "exchange", name);
    channel.host.deleteExchange(name, { ifUnused });
    if (!noWait) channel.output.method(channel.number, "exchange.delete-ok", {});
  },

  "exchange.bind"(channel, { destination, source, routingKey: key, noWait, arguments: args }) {
    assertMayBind(channel, source, destination);
    channel.host.bind(channel.host.exchange(destination), { source, key, arguments: args });
    if (!noWait) channel.output.method(channel.number, "exchange.bind-ok", {});
  },

  "exchange.unbind"(channel, { destination, source, routingKey: key, noWait, arguments: args }) {
    assertMayBind(channel, source, destination);
    channel.host.unbind(channel.host.exchange(destination), { source, key, arguments: args });
    if (!noWait) channel.output.method(channel.number, "exchange.unbind-ok", {});
  },
};

function assertMayBind(channel: Channel, source: string, destination: string): void {
  assertNotDefault(source);
  assertNotDefault(destination);
  channel.assertMay("write", "exchange", destination);
  channel.assertMay("read", "exchange", source);
}

/** Whoever names an alternate must be allowed to read the one and write the other. */
function assertAlternateRights(channel: Channel, name: string, args: Table): void {
  const alternate = args["alternate-exchange"];
  if (typeof alternate !== "string") return;
  channel.assertMay("read", "exchange", name);
  channel.assertMay("write", "exchange", alternate);
}
