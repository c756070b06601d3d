// /traits and /resource_providers/{uuid}/traits: what providers are able to do.
import { type ApiRequest, reply, routesOf, Type } from "@micronova/http";
import { now, type Tx } from "@micronova/store";
import type { PlacementDeps } from "../deps.ts";
import { placementErrors } from "../errors.ts";
import {
  ensureTrait,
  hasTrait,
  listTraits,
  removeTrait,
  setTraits,
  traitsInUse,
  traitsOf,
} from "../names.ts";
import { getProvider } from "../providers.ts";
import { traitsBody } from "./schemas.ts";
import { dated, pathOf } from "./views.ts";

const route = routesOf<PlacementDeps>();

export const listTraitsRoute = route({
  since: "1.6",
  method: "GET",
  path: "/traits",
  policy: "placement:traits:list",
  query: Type.Object(
    { name: Type.Optional(Type.String()), associated: Type.Optional(Type.String()) },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "Lists traits.",
  async handle(request, { store }) {
    const { name, associated } = request.query;
    const isWanted = name === undefined ? () => true : nameFilter(name);
    const used = associated === undefined ? null : await traitsInUse(store.read);
    const wantsUsed = associated === undefined ? null : flagOf(associated);
    const traits = (await listTraits(store.read))
      .filter(isWanted)
      .filter((trait) => used === null || used.has(trait) === wantsUsed);
    return dated(request, now(store.read), { body: { traits } });
  },
});

/** `in:A,B` or `startswith:CUSTOM`. */
function nameFilter(text: string): (trait: string) => boolean {
  const [operator, operand] = text.split(":", 2);
  if (operator === "startswith" && operand !== undefined) return (trait) => trait.startsWith(operand);
  if (operator === "in" && operand !== undefined) {
    const names = operand.split(",");
    return (trait) => names.includes(trait);
  }
  throw placementErrors.badValue("name", "expected in:NAME,… or startswith:PREFIX");
}

function flagOf(text: string): boolean {
  const flag = { true: true, false: false }[text.toLowerCase()];
  if (flag === undefined) throw placementErrors.badValue("associated", "expected true or false");
  return flag;
}

export const showTrait = route({
  since: "1.6",
  method: "GET",
  path: "/traits/:name",
  policy: "placement:traits:show",
  success: 204,
  summary: "Says whether there is such a trait.",
  async handle(request, { store }) {
    const name = request.params["name"]!;
    if (!(await hasTrait(store.read, name))) throw placementErrors.traitNotFound(name);
    return dated(request, now(store.read), { status: 204, body: null });
  },
});

export const putTrait = route({
  since: "1.6",
  method: "PUT",
  path: "/traits/:name",
  policy: "placement:traits:update",
  success: 201,
  summary: "Makes sure that there is such a trait.",
  async handle({ params, baseUrl }, { store }) {
    const name = params["name"]!;
    const isNew = await store.transaction((tx) => ensureTrait(tx, name));
    const headers = { Location: `${pathOf(baseUrl)}/traits/${name}` };
    return reply({ status: isNew ? 201 : 204, headers, body: null });
  },
});

export const deleteTrait = route({
  since: "1.6",
  method: "DELETE",
  path: "/traits/:name",
  policy: "placement:traits:delete",
  success: 204,
  summary: "Deletes a trait of one's own that no provider has.",
  async handle({ params }, { store }) {
    await store.transaction((tx) => removeTrait(tx, params["name"]!));
  },
});

export const listProviderTraits = route({
  since: "1.6",
  method: "GET",
  path: "/resource_providers/:uuid/traits",
  policy: "placement:resource_providers:traits:list",
  success: 200,
  summary: "Lists a provider's traits.",
  handle: async (request, { store }) => dated(request, now(store.read), await listing(store.read, request)),
});

async function listing(tx: Tx, { params }: Pick<ApiRequest<unknown, unknown>, "params">) {
  const { id, generation } = await getProvider(tx, params["uuid"]!);
  return { body: { traits: await traitsOf(tx, id), resource_provider_generation: generation } };
}

export const updateProviderTraits = route({
  since: "1.6",
  method: "PUT",
  path: "/resource_providers/:uuid/traits",
  policy: "placement:resource_providers:traits:update",
  body: traitsBody,
  success: 200,
  summary: "Replaces a provider's traits.",
  async handle(request, { store }) {
    const { traits, resource_provider_generation: generation } = request.body;
    const answer = await store.transaction(async (tx) => {
      await setTraits(tx, request.params["uuid"]!, { traits, generation });
      return listing(tx, request);
    });
    return dated(request, now(store.read), answer);
  },
});

export const deleteProviderTraits = route({
  since: "1.6",
  method: "DELETE",
  path: "/resource_providers/:uuid/traits",
  policy: "placement:resource_providers:traits:delete",
  success: 204,
  summary: "Takes all traits from a provider.",
  async handle({ params }, { store }) {
    await store.transaction(async (tx) => {
      const { id, generation } = await getProvider(tx, params["uuid"]!);
      await setTraits(tx, id, { traits: [], generation });
    });
  },
});
