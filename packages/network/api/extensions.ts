// /v2.0/extensions: only what is really there, since clients decide by this list what to ask for.
import { routesOf } from "@micronova/http";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";

const route = routesOf<NetworkDeps>();

const descriptions: Readonly<Record<string, string>> = {
  agent: "The network workers of the hosts.",
  availability_zone: "The availability zone of networks and routers.",
  binding: "The host a port is on.",
  "empty-string-filtering": "An empty filter matches an empty value.",
  "ext-gw-mode": "Routers with and without address translation.",
  "external-net": "Networks that lead outside.",
  "ip-substring-filtering": "Ports by a part of their address.",
  l2_adjacency: "Whether a network's ports see each other's frames.",
  "net-mtu": "The largest packet of a network.",
  "net-mtu-writable": "The largest packet of a network can be changed.",
  "network-ip-availability": "How many addresses of a network are taken.",
  network_availability_zone: "The availability zone of networks.",
  pagination: "Lists in pages.",
  "port-security": "Ports without anti-spoofing and security groups.",
  "port-security-groups-filtering": "Ports by their security group.",
  "project-id": "Projects under the name project_id.",
  provider: "How a network is made on hosts.",
  "quota-check-limit": "Limits below what is used are refused by the next use.",
  quota_details: "What a project uses of its limits.",
  quotas: "Limits of projects.",
  "revision-if-match": "Changes only of the revision that the client knows.",
  router: "Routers between networks.",
  router_availability_zone: "The availability zone of routers.",
  "security-group": "Rules of what reaches ports and what leaves them.",
  "security-groups-normalized-cidr": "The prefix of a rule as it is understood.",
  "security-groups-rules-belongs-to-default-sg": "Which rules are of a default group.",
  "sort-key-validation": "Unknown sort keys are refused.",
  sorting: "Lists in an order.",
  "standard-attr-description": "Descriptions.",
  "standard-attr-revisions": "Revision numbers.",
  "standard-attr-tag": "Tags.",
  "standard-attr-timestamp": "Times of making and changing.",
};

// When this list was last looked through.
const updated = "2026-11-23T00:00:00-00:00";

const extensions = Object.entries(descriptions).map(([alias, description]) => ({
  alias,
  name: alias,
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
