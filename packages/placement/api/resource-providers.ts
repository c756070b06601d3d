// /resource_providers: who has something to give.
import { between, reply, routesOf, since, Type, until, versioned } from "@micronova/http";
import { now } from "@micronova/store";
import type { PlacementDeps } from "../deps.ts";
import { placementErrors } from "../errors.ts";
import { hasRoom, landscape, meets } from "../landscape.ts";
import { assertClasses, assertTraits } from "../names.ts";
import { createProvider, getProvider, moveProvider, removeProvider, renameProvider } from "../providers.ts";
import { aggregatesDemand, amountsOf, namesIn, traitsDemand } from "./query.ts";
import { createProviderBody, updateProviderBody, uuid } from "./schemas.ts";
import { dated, pathOf, shownProvider } from "./views.ts";

const route = routesOf<PlacementDeps>();

const repeatable = Type.Optional(Type.Array(Type.String({ minLength: 1 })));
const listQuery = Type.Object(
  {
    name: Type.Optional(Type.String()),
    uuid: Type.Optional(uuid),
    member_of: versioned(since("1.3"), repeatable),
    resources: versioned(since("1.4"), Type.Optional(Type.String())),
    in_tree: versioned(since("1.14"), Type.Optional(uuid)),
    required: versioned(since("1.18"), repeatable),
  },
  { additionalProperties: false },
);

export const listProviders = route({
  method: "GET",
  path: "/resource_providers",
  policy: "placement:resource_providers:list",
  query: listQuery,
  success: 200,
  summary: "Lists resource providers.",
  async handle(request, { store }) {
    const { query, does } = request;
    const amounts = amountsOf("resources", query.resources);
    const traits = traitsDemand("required", lone(query.required), does);
    const aggregates = aggregatesDemand("member_of", lone(query.member_of), does);
    await assertClasses(store.read, Object.keys(amounts));
    await assertTraits(store.read, namesIn(traits));
    const places = await landscape(store.read);
    const tree = places.find(({ provider }) => provider.id === query.in_tree)?.provider.root_id;
    const found = places
      .filter(({ provider }) => query.name === undefined || provider.name === query.name)
      .filter(({ provider }) => query.uuid === undefined || provider.id === query.uuid)
      .filter(({ provider }) => query.in_tree === undefined || provider.root_id === tree)
      .filter((place) => meets(place.traits, traits) && meets(place.aggregates, aggregates))
      .filter((place) => Object.entries(amounts).every(([name, amount]) => hasRoom(place, name, amount)));
    const body = { resource_providers: found.map(({ provider }) => shownProvider(request, provider)) };
    return dated(request, now(store.read), { body });
  },
});

/** A key given once is a plain value to those who refuse repetition. */
function lone(values: readonly string[] | undefined): string | readonly string[] | undefined {
  return values?.length === 1 ? values[0] : values;
}

export const createProviderRoute = route({
  method: "POST",
  path: "/resource_providers",
  policy: "placement:resource_providers:create",
  body: createProviderBody,
  success: 200,
  summary: "Creates a resource provider.",
  async handle(request, { store }) {
    const { name, uuid: id, parent_provider_uuid: parentId } = request.body;
    const provider = await store.transaction((tx) =>
      createProvider(tx, { name, ...(id === undefined ? {} : { id }), parentId: parentId ?? null }),
    );
    const headers = { Location: `${pathOf(request.baseUrl)}/resource_providers/${provider.id}` };
    if (request.does(until("1.19"))) return reply({ status: 201, headers, body: null });
    return dated(request, provider.updated_at, { headers, body: shownProvider(request, provider) });
  },
});

export const showProvider = route({
  method: "GET",
  path: "/resource_providers/:uuid",
  policy: "placement:resource_providers:show",
  success: 200,
  summary: "Shows a resource provider.",
  async handle(request, { store }) {
    const provider = await getProvider(store.read, request.params["uuid"]!);
    return dated(request, provider.updated_at, { body: shownProvider(request, provider) });
  },
});

export const updateProvider = route({
  method: "PUT",
  path: "/resource_providers/:uuid",
  policy: "placement:resource_providers:update",
  body: updateProviderBody,
  success: 200,
  summary: "Renames a resource provider, or gives it another parent.",
  async handle(request, { store }) {
    const { name, parent_provider_uuid: parentId } = request.body;
    const provider = await store.transaction(async (tx) => {
      const known = await getProvider(tx, request.params["uuid"]!);
      const isMove = parentId !== undefined && parentId !== known.parent_id;
      if (isMove && known.parent_id !== null && request.does(between("1.14", "1.36"))) {
        throw placementErrors.parentFixed(known.id);
      }
      await renameProvider(tx, known, name);
      if (isMove) await moveProvider(tx, known, parentId);
      return getProvider(tx, known.id);
    });
    return dated(request, provider.updated_at, { body: shownProvider(request, provider) });
  },
});

export const deleteProvider = route({
  method: "DELETE",
  path: "/resource_providers/:uuid",
  policy: "placement:resource_providers:delete",
  success: 204,
  summary: "Deletes a resource provider of which nothing is allocated.",
  async handle({ params }, { store }) {
    await store.transaction((tx) => removeProvider(tx, params["uuid"]!));
  },
});
