// /v2.0/extensions: only what is really there, since clients decide by this list what to ask for.
import { routesOf } from "@micronova/http";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";

const route = routesOf<NetworkDeps>();

/** Alias → name and description. Some clients look extensions up by Neutron's name. */
const known: Readonly<Record<string, readonly [string, string]>> = {
  agent: ["agent", "The network workers of the hosts."],
  availability_zone: ["Availability Zone", "The availability zone of networks and routers."],
  binding: ["Port Binding", "The host a port is on."],
  "empty-string-filtering": ["Empty String Filtering Extension", "An empty filter matches an empty value."],
  "ext-gw-mode": [
    "Neutron L3 Configurable external gateway mode",
    "Routers with and without address translation.",
  ],
  "external-net": ["Neutron external network", "Networks that lead outside."],
  "ip-substring-filtering": ["IP address substring filtering", "Ports by a part of their address."],
  l2_adjacency: ["L2 Adjacency", "Whether a network's ports see each other's frames."],
  "net-mtu": ["Network MTU", "The largest packet of a network."],
  "net-mtu-writable": ["Network MTU (writable)", "The largest packet of a network can be changed."],
  "network-ip-availability": ["Network IP Availability", "How many addresses of a network are taken."],
  network_availability_zone: ["Network Availability Zone", "The availability zone of networks."],
  pagination: ["Pagination support", "Lists in pages."],
  "port-security": ["Port Security", "Ports without anti-spoofing and security groups."],
  "port-security-groups-filtering": ["Port filtering on security groups", "Ports by their security group."],
  "project-id": ["project_id field enabled", "Projects under the name project_id."],
  provider: ["Provider Network", "How a network is made on hosts."],
  "quota-check-limit": ["Quota engine limit check", "Limits below what is used are refused by the next use."],
  quota_details: ["Quota details management support", "What a project uses of its limits."],
  quotas: ["Quota management support", "Limits of projects."],
  "revision-if-match": [
    "If-Match constraints based on revision_number",
    "Changes only of the revision that the client knows.",
  ],
  router: ["Neutron L3 Router", "Routers between networks."],
  router_availability_zone: ["Router Availability Zone", "The availability zone of routers."],
  "security-group": ["security-group", "Rules of what reaches ports and what leaves them."],
  "security-groups-normalized-cidr": [
    "Normalized CIDR field for security group rules",
    "The prefix of a rule as it is understood.",
  ],
  "security-groups-rules-belongs-to-default-sg": [
    "Security group rule belongs to the project's default security group",
    "Which rules are of a default group.",
  ],
  "sort-key-validation": ["Sort Key Validation", "Unknown sort keys are refused."],
  sorting: ["Sorting support", "Lists in an order."],
  "standard-attr-description": ["standard-attr-description", "Descriptions."],
  "standard-attr-revisions": ["Resource revision numbers", "Revision numbers."],
  "standard-attr-tag": [
    "Tag support for resources with standard attribute: network, port, router, security_group, subnet",
    "Tags.",
  ],
  "standard-attr-timestamp": ["Resource timestamps", "Times of making and changing."],
};

// When this list was last looked through.
const updated = "2026-11-23T00:00:00-00:00";

const extensions = Object.entries(known).map(([alias, [name, description]]) => ({
  alias,
  name,
  description,
  updated,
  links: [],
}));

const list = route({
  method: "GET",
  path: "/v2.0/extensions",
  policy: "get_extension",
  success: 200,
  summary: "Lists what this network service can do beyond the core.",
  handle: async () => ({ extensions }),
});

const show = route({
  method: "GET",
  path: "/v2.0/extensions/:alias",
  policy: "get_extension",
  success: 200,
  summary: "Shows an extension.",
  async handle({ params }) {
    const extension = extensions.find(({ alias }) => alias === params["alias"]);
    if (extension === undefined) throw errors.extensionNotFound(params["alias"]!);
    return { extension };
  },
});

export const extensionRoutes = [list, show];
