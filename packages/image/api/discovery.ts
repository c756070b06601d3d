// What the service says of itself: versions, stores, imports, usage.
import { type ApiRequest, reply } from "@micronova/http";
import { imageErrors } from "../errors.ts";
import { route } from "./route.ts";

// The minor versions of a Glance with one store and without a cache; they differ in what is announced only.
const minors = ["2.17", "2.15", "2.9", "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0"];

function versionsOf({ baseUrl }: Pick<ApiRequest<never, never>, "baseUrl">): object {
  const links = [{ rel: "self", href: `${baseUrl}/v2/` }];
  return {
    versions: minors.map((minor, at) => ({
      id: `v${minor}`,
      status: at === 0 ? "CURRENT" : "SUPPORTED",
      links,
    })),
  };
}

export const showRoot = route({
  method: "GET",
  path: "/",
  policy: null,
  success: 300,
  summary: "Lists the versions of the API.",
  handle: async (request) => reply({ body: versionsOf(request) }),
});

export const showVersions = route({
  method: "GET",
  path: "/versions",
  policy: null,
  success: 200,
  summary: "Lists the versions of the API.",
  handle: async (request) => versionsOf(request),
});

export const showV2 = route({
  method: "GET",
  path: "/v2",
  policy: null,
  success: 300,
  summary: "Lists the versions of the API.",
  handle: async (request) => reply({ body: versionsOf(request) }),
});

export const showStores = route({
  method: "GET",
  path: "/v2/info/stores",
  policy: "discovery",
  success: 200,
  summary: "Lists the stores; there is one, so there is no choice to list.",
  handle: () => Promise.reject(imageErrors.noStores()),
});

export const showImport = route({
  method: "GET",
  path: "/v2/info/import",
  policy: "discovery",
  success: 200,
  summary: "Lists the ways to import an image besides uploading it.",
  handle: async () => ({
    "import-methods": { description: "Import methods available.", type: "array", value: [] },
  }),
});

export const showUsage = route({
  method: "GET",
  path: "/v2/info/usage",
  policy: "discovery",
  success: 200,
  summary: "Shows the usage of quotas; images have none.",
  handle: async () => ({ usage: {} }),
});
