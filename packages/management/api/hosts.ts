// Virtual hosts.
import type { VirtualHost } from "@micronova/amqp";
import { hasTag } from "../caller.ts";
import { putHost } from "../definitions.ts";
import { shortText } from "../fields.ts";
import { hostTotals } from "../rates.ts";
import {
  type Asked,
  byName,
  hostOf,
  hostsOf,
  list,
  noContent,
  pages,
  param,
  put,
  type Route,
  route,
  value,
} from "../routes.ts";
import { channelPages } from "./channels.ts";
import { connectionPages } from "./connections.ts";
import { permissionView } from "./permissions.ts";
import { channelCounts, messageStats } from "./stats.ts";

export const hostRoutes: readonly Route[] = [
  route("GET", "/vhosts", "management", (asked) =>
    pages(visibleHosts(asked).toSorted(byName), (host) => hostView(asked, host)),
  ),
  route("GET", "/vhosts/:vhost", "administrator", (asked) => value(hostView(asked, hostOf(asked)))),
  route("PUT", "/vhosts/:vhost", "administrator", async (asked) => {
    const { broker, caller } = asked;
    const name = shortText(param(asked, "vhost"));
    const isNew = !broker.hosts.has(name);
    putHost(broker, { ...(await asked.json()), name });
    // Who makes one may use it, as in RabbitMQ; a caller of another kind may use all.
    if (isNew && broker.access.findUser(caller.name) !== null)
      broker.access.setPermission(caller.name, name, { configure: ".*", write: ".*", read: ".*" });
    return put(isNew);
  }),
  route("DELETE", "/vhosts/:vhost", "administrator", (asked) => {
    asked.broker.deleteHost(hostOf(asked).name);
    return noContent;
  }),
  route("GET", "/vhosts/:vhost/permissions", "administrator", (asked) => {
    const { name } = hostOf(asked);
    const permissions = asked.broker.access.permissions();
    return list(permissions.filter(({ host }) => host === name).map(permissionView));
  }),
  route("GET", "/vhosts/:vhost/connections", "host", (asked) => connectionPages(asked, hostOf(asked))),
  route("GET", "/vhosts/:vhost/channels", "host", (asked) => channelPages(asked, hostOf(asked))),
];

/** Monitors are told of all, others of those that they may open. */
function visibleHosts(asked: Asked): readonly VirtualHost[] {
  return hasTag(asked.caller, "monitoring") ? [...asked.broker.hosts.values()] : hostsOf(asked);
}

function hostView({ broker, rates, node }: Asked, host: VirtualHost) {
  const { description, tags } = host.spec;
  const traffic = [...broker.connections].filter((one) => one.host === host).map((one) => one.traffic);
  const octets = (which: "recv_oct" | "send_oct") => ({
    [which]: traffic.reduce((sum, counts) => sum + counts[which], 0),
    [`${which}_details`]: { rate: traffic.reduce((sum, counts) => sum + (rates.of(counts)[which] ?? 0), 0) },
  });
  return {
    name: host.name,
    description,
    tags,
    default_queue_type: "undefined",
    metadata: { description, tags },
    tracing: false,
    cluster_state: { [node.name]: "running" },
    ...rates.detailed(host, hostTotals(host)),
    ...(traffic.length === 0 ? {} : { ...octets("recv_oct"), ...octets("send_oct") }),
    ...messageStats(rates, { key: host.stats, stats: host.stats.total, names: channelCounts }),
  };
}
