// /resource_providers/{uuid}/aggregates: which aggregates a provider is in.
import { type ApiRequest, routesOf, since } from "@micronova/http";
import { now, type Tx } from "@micronova/store";
import { aggregatesOf, setAggregates } from "../aggregates.ts";
import type { PlacementDeps } from "../deps.ts";
import { expectGeneration, getProvider } from "../providers.ts";
import { aggregatesBody } from "./schemas.ts";
import { dated } from "./views.ts";

const route = routesOf<PlacementDeps>();

export const listAggregates = route({
  since: "1.1",
  method: "GET",
  path: "/resource_providers/:uuid/aggregates",
  policy: "placement:resource_providers:aggregates:list",
  success: 200,
  summary: "Lists a provider's aggregates.",
  handle: async (request, { store }) => dated(request, now(store.read), await listing(store.read, request)),
});

export const updateAggregates = route({
  since: "1.1",
  method: "PUT",
  path: "/resource_providers/:uuid/aggregates",
  policy: "placement:resource_providers:aggregates:update",
  body: aggregatesBody,
  success: 200,
  summary: "Replaces a provider's aggregates.",
  async handle(request, { store }) {
    const { body } = request;
    const answer = await store.transaction(async (tx) => {
      const { id } = await getProvider(tx, request.params["uuid"]!);
      // Without a generation, as before 1.19, the last writer wins.
      if (!Array.isArray(body)) await expectGeneration(tx, id, body.resource_provider_generation);
      await setAggregates(tx, id, Array.isArray(body) ? body : body.aggregates);
      return listing(tx, request);
    });
    return dated(request, now(store.read), answer);
  },
});

async function listing(tx: Tx, { params, does }: Pick<ApiRequest<unknown, unknown>, "params" | "does">) {
  const { id, generation } = await getProvider(tx, params["uuid"]!);
  const aggregates = await aggregatesOf(tx, id);
  return {
    body: { aggregates, ...(does(since("1.19")) ? { resource_provider_generation: generation } : {}) },
  };
}
