// Whether the broker is well: what load balancers and watchers ask.
import { managementErrors } from "../errors.ts";
import { type Asked, param, type Result, type Route, route, value } from "../routes.ts";

export const healthRoutes: readonly Route[] = [
  route("GET", "/healthchecks/node", "management", (asked) => alarms(asked, "There are alarms in effect")),
  route("GET", "/health/checks/alarms", "management", (asked) =>
    alarms(asked, "There are alarms in effect in the cluster"),
  ),
  route("GET", "/health/checks/local-alarms", "management", (asked) =>
    alarms(asked, "There are alarms in effect on the node"),
  ),
  // A virtual host that exists runs.
  route("GET", "/health/checks/virtual-hosts", "management", () => ok()),
  route("GET", "/health/checks/node-is-mirror-sync-critical", "management", () =>
    ok({ reason: "single node cluster" }),
  ),
  route("GET", "/health/checks/node-is-quorum-critical", "management", () =>
    ok({ reason: "single node cluster" }),
  ),
  route("GET", "/health/checks/port-listener/:port", "management", portListener),
  route("GET", "/health/checks/protocol-listener/:protocol", "management", protocolListener),
];

const ok = (more: object = {}): Result => value({ status: "ok", ...more });
const failed = (reason: string, more: object): Result => value({ status: "failed", reason, ...more }, 503);

function alarms({ node }: Asked, reason: string): Result {
  return node.alarms.length === 0 ? ok() : failed(reason, { alarms: node.alarms });
}

function portListener(asked: Asked): Result {
  const text = param(asked, "port");
  if (!/^\d{1,5}$/.test(text)) throw managementErrors.badRequest("Invalid port");
  const port = Number(text);
  const ports = asked.node.listeners.map((one) => one.port);
  return ports.includes(port) ? ok({ port }) : failed("No active listener", { missing: port, ports });
}

/** Names of protocols as people write them. */
const protocols: Readonly<Record<string, string>> = {
  amqp091: "amqp",
  "amqp0.9.1": "amqp",
  "http/api": "http",
};

function protocolListener(asked: Asked): Result {
  const protocol = param(asked, "protocol");
  const wanted = protocols[protocol] ?? protocol;
  const there = asked.node.listeners.map((one) => one.protocol);
  return there.includes(wanted)
    ? ok({ protocol })
    : failed("No active listener", { missing: protocol, protocols: [...new Set(there)] });
}
