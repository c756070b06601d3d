// Regions.
import { routesOf } from "@micronova/http";
import Type from "typebox";
import { createRegion, deleteRegion, getRegion, listRegions, updateRegion } from "../catalog.ts";
import type { IdentityDeps } from "../deps.ts";
import { collection } from "./collections.ts";
import { regionView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const text = Type.Union([Type.String({ maxLength: 255 }), Type.Null()]);
const attributes = { description: Type.Optional(text), parent_region_id: Type.Optional(text) };

export const regionRoutes = [
  route({
    method: "GET",
    path: "/v3/regions",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists regions.",
    async handle(request, { store }) {
      const views = (await listRegions(store.read)).map((region) => regionView(request, region));
      return collection(request, "regions", views, ["parent_region_id"]);
    },
  }),
  route({
    method: "POST",
    path: "/v3/regions",
    policy: "identity:create_region",
    body: Type.Object({ region: Type.Object({ id: Type.Optional(text), ...attributes }) }),
    success: 201,
    summary: "Creates a region.",
    async handle(request, deps) {
      const { id, ...rest } = request.body.region;
      const row = { ...(id === undefined || id === null ? {} : { id }), ...columns(rest) };
      return { region: regionView(request, await deps.change((tx) => createRegion(tx, row))) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/regions/:region_id",
    policy: "identity:authenticated",
    success: 200,
    summary: "Shows a region.",
    async handle(request, { store }) {
      return { region: regionView(request, await getRegion(store.read, request.params["region_id"]!)) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/regions/:region_id",
    policy: "identity:update_region",
    body: Type.Object({ region: Type.Object(attributes, { minProperties: 1 }) }),
    success: 200,
    summary: "Changes a region.",
    async handle(request, deps) {
      const change = columns(request.body.region);
      const region = await deps.change((tx) => updateRegion(tx, request.params["region_id"]!, change));
      return { region: regionView(request, region) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/regions/:region_id",
    policy: "identity:delete_region",
    success: 204,
    summary: "Deletes a region without endpoints.",
    async handle(request, deps) {
      await deps.change((tx) => deleteRegion(tx, request.params["region_id"]!));
    },
  }),
];

function columns(given: { readonly description?: string | null; readonly parent_region_id?: string | null }) {
  return {
    ...(given.description === undefined ? {} : { description: given.description ?? "" }),
    ...(given.parent_region_id === undefined ? {} : { parent_region_id: given.parent_region_id }),
  };
}
