// What the service is: the list of its versions, and the core resources of the one there is.
import { routesOf } from "@micronova/http";
import type { NetworkDeps } from "../deps.ts";

const route = routesOf<NetworkDeps>();

const root = route({
  method: "GET",
  path: "/",
  policy: null,
  success: 200,
  summary: "Lists the service's versions.",
  handle: async ({ baseUrl }) => ({
    versions: [{ id: "v2.0", status: "CURRENT", links: [{ rel: "self", href: `${baseUrl}/v2.0/` }] }],
  }),
});

const version = route({
  method: "GET",
  path: "/v2.0",
  policy: "get_extension",
  success: 200,
  summary: "Lists the core resources.",
  handle: async ({ baseUrl }) => ({
    resources: ["network", "subnet", "port"].map((name) => ({
      name,
      collection: `${name}s`,
      links: [{ rel: "self", href: `${baseUrl}/v2.0/${name}s` }],
    })),
  }),
});

export const discoveryRoutes = [root, version];
