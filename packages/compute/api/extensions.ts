// The list of extensions, which old clients read to learn what they may ask.
import { routesOf } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { resourceErrors } from "../errors-resources.ts";
import { extensions } from "../extension-list.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();

export const extensionRoutes = [
  route({
    method: "GET",
    path: "/extensions",
    policy: "os_compute_api:extensions",
    query: emptyQuery,
    success: 200,
    summary: "Lists the API's extensions.",
    async handle() {
      return { extensions: extensions.map(extensionView) };
    },
  }),
  route({
    method: "GET",
    path: "/extensions/:alias",
    policy: "os_compute_api:extensions",
    query: emptyQuery,
    success: 200,
    summary: "Shows one of the API's extensions.",
    async handle(request) {
      const found = extensions.find(([alias]) => alias === request.params["alias"]);
      if (found === undefined) throw resourceErrors.extensionMissing();
      return { extension: extensionView(found) };
    },
  }),
];

function extensionView([alias, name, description]: (typeof extensions)[number]) {
  return {
    alias,
    name,
    description,
    links: [],
    namespace: "http://docs.openstack.org/compute/ext/fake_xml",
    updated: "2014-12-03T00:00:00Z",
  };
}
