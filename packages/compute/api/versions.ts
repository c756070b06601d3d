// The documents that say which versions of the API there are. Clients read them before they have a token.
import { type ApiRequest, routesOf } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { history } from "../versions.ts";

const route = routesOf<ComputeDeps>();

/** Served under `/compute`. */
export const rootVersionRoutes = [
  route({
    method: "GET",
    path: "/",
    policy: null,
    success: 200,
    summary: "Lists the versions of the API.",
    async handle(request) {
      return { versions: [{ ...version, links: [selfLink(`${request.baseUrl}/v2.1/`)] }] };
    },
  }),
];

/** Served under `/compute/v2.1`. */
export const versionRoutes = [
  route({
    method: "GET",
    path: "/",
    policy: null,
    success: 200,
    summary: "Shows this version of the API and its microversions.",
    async handle(request) {
      return { version: document(request) };
    },
  }),
];

const version = {
  id: "v2.1",
  status: "CURRENT",
  version: history.max,
  min_version: history.min,
  updated: "2013-07-23T11:33:21Z",
};

function document({ baseUrl }: Pick<ApiRequest<unknown, unknown>, "baseUrl">) {
  const guide = { rel: "describedby", type: "text/html", href: "http://docs.openstack.org/" };
  return {
    ...version,
    links: [selfLink(`${baseUrl}/`), guide],
    "media-types": [{ base: "application/json", type: "application/vnd.openstack.compute+json;version=2.1" }],
  };
}

function selfLink(href: string) {
  return { rel: "self", href };
}
