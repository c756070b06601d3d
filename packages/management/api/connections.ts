// Connections of clients. Others than monitors see their own.
import { type OpenConnection, ReplyError, type VirtualHost } from "@micronova/amqp";
import { assertOwn, hasTag } from "../caller.ts";
import {
  type Asked,
  byName,
  found,
  list,
  noContent,
  pages,
  param,
  type Result,
  type Route,
  route,
  value,
} from "../routes.ts";
import { channelView } from "./channels.ts";

export const connectionRoutes: readonly Route[] = [
  route("GET", "/connections", "management", (asked) => connectionPages(asked, null)),
  route("GET", "/connections/:connection", "management", (asked) =>
    value(connectionView(asked, connectionOf(asked))),
  ),
  route("DELETE", "/connections/:connection", "management", (asked) => {
    const connection = connectionOf(asked, "administrator");
    const reason = [asked.headers["x-reason"]].flat()[0] ?? "Closed via management plugin";
    connection.close(new ReplyError("CONNECTION_FORCED", reason));
    return noContent;
  }),
  route("GET", "/connections/:connection/channels", "management", (asked) =>
    list(connectionOf(asked).channels.map((channel) => channelView(asked, channel))),
  ),
];

/** Those that the caller may see, of one virtual host or of all. */
export function connectionPages(asked: Asked, host: VirtualHost | null): Result {
  const connections = visibleConnections(asked, host).toSorted(byName);
  return pages(connections, (connection) => connectionView(asked, connection));
}

/** Of who has proved who it is: before that it is no connection to anybody. */
export function visibleConnections({ broker, caller }: Asked, host: VirtualHost | null) {
  const isMonitor = hasTag(caller, "monitoring");
  return [...broker.connections].filter(
    (one) =>
      one.host !== null &&
      (host === null || one.host === host) &&
      (isMonitor || one.user?.name === caller.name),
  );
}

function connectionOf(asked: Asked, tag: "monitoring" | "administrator" = "monitoring"): OpenConnection {
  const name = param(asked, "connection");
  const connection = found(
    [...asked.broker.connections].find((one) => one.host !== null && one.name === name),
  );
  assertOwn(asked.caller, connection.user?.name ?? null, tag);
  return connection;
}

function connectionView({ node, rates }: Asked, connection: OpenConnection) {
  const { traffic, user_provided_name, ...facts } = connection.status();
  const { recv_oct, send_oct, recv_cnt, send_cnt } = traffic;
  return {
    ...facts,
    ...(user_provided_name === null ? {} : { user_provided_name }),
    node: node.name,
    type: "network",
    user_who_performed_action: facts.user,
    ssl_hash: null,
    ssl_key_exchange: null,
    peer_cert_issuer: null,
    peer_cert_subject: null,
    peer_cert_validity: null,
    recv_cnt,
    send_cnt,
    ...rates.detailed(traffic, { recv_oct, send_oct }),
  };
}
