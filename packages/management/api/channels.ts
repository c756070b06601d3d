// Channels of connections.
import { channelStatus, type OpenConnection, type VirtualHost } from "@micronova/amqp";
import { assertOwn } from "../caller.ts";
import { type Asked, byName, found, pages, param, type Result, type Route, route, value } from "../routes.ts";
import { visibleConnections } from "./connections.ts";
import { consumersOf } from "./consumers.ts";
import { channelCounts, messageStats } from "./stats.ts";

type Channel = OpenConnection["channels"][number];

export const channelRoutes: readonly Route[] = [
  route("GET", "/channels", "management", (asked) => channelPages(asked, null)),
  route("GET", "/channels/:channel", "management", (asked) => value(channelDetails(asked))),
];

export function channelPages(asked: Asked, host: VirtualHost | null): Result {
  const channels = visibleConnections(asked, host).flatMap((connection) => connection.channels);
  const named = channels.map((channel) => ({ name: channelStatus(channel).name, channel }));
  return pages(named.sort(byName), ({ channel }) => channelView(asked, channel));
}

export function channelView({ node, rates }: Asked, channel: Channel) {
  const { message_stats: stats, ...facts } = channelStatus(channel);
  const { connection } = channel;
  return {
    ...facts,
    node: node.name,
    connection_details: { name: connection.name, ...connection.peer },
    user_who_performed_action: facts.user,
    pending_raft_commands: 0,
    ...messageStats(rates, { key: stats, stats, names: channelCounts }),
  };
}

function channelDetails(asked: Asked) {
  const name = param(asked, "channel");
  const channels = [...asked.broker.connections].flatMap((one) => one.channels);
  const channel = found(channels.find((one) => channelStatus(one).name === name));
  assertOwn(asked.caller, channel.user.name, "monitoring");
  const consumers = [...channel.consumers.values()];
  return {
    ...channelView(asked, channel),
    consumer_details: consumersOf(asked, channel.host.name, consumers),
    publishes: [],
    deliveries: [],
  };
}
