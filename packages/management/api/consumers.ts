// Consumers: of channels, and those in the broker's own process.
import { consumerStatus, type QueueConsumer, type VirtualHost } from "@micronova/amqp";
import { hasTag } from "../caller.ts";
import { type Asked, hostOf, type JsonObject, list, type Route, route } from "../routes.ts";

export const consumerRoutes: readonly Route[] = [
  route("GET", "/consumers", "management", (asked) =>
    list([...asked.broker.hosts.values()].flatMap((host) => consumersIn(asked, host))),
  ),
  route("GET", "/consumers/:vhost", "management", (asked) => list(consumersIn(asked, hostOf(asked)))),
];

/** Others than monitors see those of their own connections. */
function consumersIn(asked: Asked, host: VirtualHost): readonly JsonObject[] {
  const { caller } = asked;
  const isMonitor = hasTag(caller, "monitoring");
  const consumers = host.queues
    .flatMap((queue) => queue.consumers)
    .filter(({ place }) => isMonitor || place?.user === caller.name);
  return consumersOf(asked, host.name, consumers);
}

export function consumersOf(
  { node }: Asked,
  vhost: string,
  consumers: readonly QueueConsumer[],
): readonly JsonObject[] {
  return consumers.map((consumer) => {
    const { channel, queue, vhost: _, ...facts } = consumerStatus(vhost, consumer);
    return {
      ...facts,
      activity_status: facts.active ? "up" : "waiting",
      queue: { name: queue, vhost },
      channel_details:
        channel === null
          ? {}
          : {
              name: `${channel.connection} (${channel.number})`,
              connection_name: channel.connection,
              number: channel.number,
              node: node.name,
              peer_host: channel.peer_host,
              peer_port: channel.peer_port,
              user: channel.user,
            },
    };
  });
}
