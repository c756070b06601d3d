// The documents that say which versions of the API there are. Clients read them before they have a token.
import { reply, routesOf } from "@micronova/http";
import type { IdentityDeps } from "../deps.ts";

const route = routesOf<IdentityDeps>();

export const versionRoutes = [
  route({
    method: "GET",
    path: "/",
    policy: null,
    success: 300,
    summary: "Lists the versions of the API.",
    async handle({ baseUrl }) {
      const headers = { Location: `${baseUrl}/v3/` };
      return reply({ headers, body: { versions: { values: [version(baseUrl)] } } });
    },
  }),
  route({
    method: "GET",
    path: "/v3",
    policy: null,
    success: 200,
    summary: "Shows version 3 of the API.",
    async handle({ baseUrl }) {
      return { version: version(baseUrl) };
    },
  }),
];

function version(baseUrl: string) {
  return {
    id: "v3.14",
    status: "stable",
    updated: "2020-04-07T00:00:00Z",
    links: [{ rel: "self", href: `${baseUrl}/v3/` }],
    "media-types": [{ base: "application/json", type: "application/vnd.openstack.identity-v3+json" }],
  };
}
