// /resource_providers/{uuid}/inventories: what a provider has, and how much of it is used.
import { type ApiRequest, routesOf, type Static, until } from "@micronova/http";
import { now, type Tx } from "@micronova/store";
import type { PlacementDeps } from "../deps.ts";
import { placementErrors } from "../errors.ts";
import {
  type Inventory,
  inventoriesOf,
  inventoryDefaults,
  putInventory,
  removeInventory,
  replaceInventories,
  usageOf,
} from "../inventories.ts";
import { assertClasses } from "../names.ts";
import { expectGeneration, getProvider, raiseGeneration } from "../providers.ts";
import { inventoriesBody, inventoryBody, newInventoryBody } from "./schemas.ts";
import { dated, pathOf, shownInventory } from "./views.ts";

const route = routesOf<PlacementDeps>();

export const listInventories = route({
  method: "GET",
  path: "/resource_providers/:uuid/inventories",
  policy: "placement:resource_providers:inventories:list",
  success: 200,
  summary: "Lists a provider's inventories.",
  handle: async (request, { store }) => dated(request, now(store.read), await listing(store.read, request)),
});

async function listing(tx: Tx, { params }: Pick<ApiRequest<unknown, unknown>, "params">) {
  const provider = await getProvider(tx, params["uuid"]!);
  const inventories = await inventoriesOf(tx, provider.id);
  return { body: { inventories, resource_provider_generation: provider.generation } };
}

export const updateInventories = route({
  method: "PUT",
  path: "/resource_providers/:uuid/inventories",
  policy: "placement:resource_providers:inventories:update",
  body: inventoriesBody,
  success: 200,
  summary: "Replaces all of a provider's inventories.",
  async handle(request, { store }) {
    const { resource_provider_generation: generation, inventories } = request.body;
    const answer = await store.transaction(async (tx) => {
      const id = request.params["uuid"]!;
      await expectGeneration(tx, id, generation);
      await assertClasses(tx, Object.keys(inventories));
      await replaceInventories(tx, id, wholeInventories(request, id, inventories));
      return listing(tx, request);
    });
    return dated(request, now(store.read), answer);
  },
});

export const deleteInventories = route({
  since: "1.5",
  method: "DELETE",
  path: "/resource_providers/:uuid/inventories",
  policy: "placement:resource_providers:inventories:delete",
  success: 204,
  summary: "Deletes all of a provider's inventories.",
  async handle({ params }, { store }) {
    await store.transaction(async (tx) => {
      const { id } = await getProvider(tx, params["uuid"]!);
      await raiseGeneration(tx, id);
      await replaceInventories(tx, id, {});
    });
  },
});

export const createInventory = route({
  method: "POST",
  path: "/resource_providers/:uuid/inventories",
  policy: "placement:resource_providers:inventories:create",
  body: newInventoryBody,
  success: 201,
  summary: "Adds an inventory of one class.",
  async handle(request, { store }) {
    const { resource_class: name, resource_provider_generation: generation, ...given } = request.body;
    const id = request.params["uuid"]!;
    const inventory = wholeInventory(request, { name, id }, given);
    const raised = await store.transaction(async (tx) => {
      const provider = await getProvider(tx, id);
      await assertClasses(tx, [name]);
      if (Object.hasOwn(await inventoriesOf(tx, id), name)) throw placementErrors.inventoryExists(name, id);
      await putInventory(tx, id, name, inventory);
      return expectGeneration(tx, id, generation ?? provider.generation);
    });
    const headers = { Location: `${pathOf(request.baseUrl)}/resource_providers/${id}/inventories/${name}` };
    const body = { ...inventory, resource_provider_generation: raised };
    return dated(request, now(store.read), { status: 201, headers, body });
  },
});

export const showInventory = route({
  method: "GET",
  path: "/resource_providers/:uuid/inventories/:resource_class",
  policy: "placement:resource_providers:inventories:show",
  success: 200,
  summary: "Shows a provider's inventory of one class.",
  async handle(request, { store }) {
    const name = request.params["resource_class"]!;
    const provider = await getProvider(store.read, request.params["uuid"]!);
    const inventory = (await inventoriesOf(store.read, provider.id))[name];
    if (inventory === undefined) throw placementErrors.inventoryNotFound(name, provider.id);
    const body = { ...shownInventory(inventory), resource_provider_generation: provider.generation };
    return dated(request, now(store.read), { body });
  },
});

export const updateInventory = route({
  method: "PUT",
  path: "/resource_providers/:uuid/inventories/:resource_class",
  policy: "placement:resource_providers:inventories:update",
  body: inventoryBody,
  success: 200,
  summary: "Changes a provider's inventory of one class.",
  async handle(request, { store }) {
    const { resource_provider_generation: generation, ...given } = request.body;
    const name = request.params["resource_class"]!;
    const id = request.params["uuid"]!;
    const inventory = wholeInventory(request, { name, id }, given);
    const raised = await store.transaction(async (tx) => {
      const next = await expectGeneration(tx, id, generation);
      if (!Object.hasOwn(await inventoriesOf(tx, id), name)) throw placementErrors.inventoryMissing(name, id);
      await putInventory(tx, id, name, inventory);
      return next;
    });
    const body = { ...inventory, resource_provider_generation: raised };
    return dated(request, now(store.read), { body });
  },
});

export const deleteInventory = route({
  method: "DELETE",
  path: "/resource_providers/:uuid/inventories/:resource_class",
  policy: "placement:resource_providers:inventories:delete",
  success: 204,
  summary: "Deletes a provider's inventory of one class.",
  async handle({ params }, { store }) {
    await store.transaction(async (tx) => {
      const { id } = await getProvider(tx, params["uuid"]!);
      await raiseGeneration(tx, id);
      await removeInventory(tx, id, params["resource_class"]!);
    });
  },
});

export const showUsages = route({
  method: "GET",
  path: "/resource_providers/:uuid/usages",
  policy: "placement:resource_providers:usages",
  success: 200,
  summary: "Shows how much of each of a provider's classes is used.",
  async handle(request, { store }) {
    const provider = await getProvider(store.read, request.params["uuid"]!);
    const usages = await usageOf(store.read, provider.id);
    const body = { resource_provider_generation: provider.generation, usages };
    return dated(request, now(store.read), { body });
  },
});

type Given = Static<typeof inventoriesBody>["inventories"];
type Does = Pick<ApiRequest<unknown, unknown>, "does">;

export function wholeInventories(request: Does, id: string, given: Given): Record<string, Inventory> {
  const whole = Object.entries(given).map(
    ([name, inventory]) => [name, wholeInventory(request, { name, id }, inventory)] as const,
  );
  return Object.fromEntries(whole);
}

/** What was given, with defaults for the rest. */
function wholeInventory(
  request: Does,
  { name, id }: { readonly name: string; readonly id: string },
  given: Given[string],
): Inventory {
  const inventory = shownInventory({ ...inventoryDefaults, ...given });
  const { total, reserved } = inventory;
  const leavesNothing = reserved > total || (reserved === total && request.does(until("1.25")));
  if (leavesNothing) throw placementErrors.inventoryReserved(name, id);
  return inventory;
}
