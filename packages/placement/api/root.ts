// The document that says which versions there are. Clients read it before they have a token.
import { routesOf } from "@micronova/http";
import type { PlacementDeps } from "../deps.ts";
import { placementHistory } from "../versions.ts";

const route = routesOf<PlacementDeps>();

export const showVersions = route({
  method: "GET",
  path: "/",
  policy: null,
  success: 200,
  summary: "Lists the versions of the API.",
  async handle() {
    const { min, max } = placementHistory;
    const links = [{ rel: "self", href: "" }];
    return { versions: [{ id: "v1.0", min_version: min, max_version: max, status: "CURRENT", links }] };
  },
});
