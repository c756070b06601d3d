// The catalog's services.
import { routesOf } from "@micronova/http";
import Type from "typebox";
import { createService, deleteService, getService, listServices, updateService } from "../catalog.ts";
import type { IdentityDeps } from "../deps.ts";
import { collection } from "./collections.ts";
import { description, enabled, enabledColumn } from "./schemas.ts";
import { serviceView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const type = Type.String({ minLength: 1, maxLength: 255 });
const attributes = {
  name: Type.Optional(Type.String({ maxLength: 255 })),
  description: Type.Optional(description),
  enabled: Type.Optional(enabled),
};

export const serviceRoutes = [
  route({
    method: "GET",
    path: "/v3/services",
    policy: "identity:list_services",
    success: 200,
    summary: "Lists services.",
    async handle(request, { store }) {
      const views = (await listServices(store.read)).map((service) => serviceView(request, service));
      return collection(request, "services", views, ["name", "type"]);
    },
  }),
  route({
    method: "POST",
    path: "/v3/services",
    policy: "identity:create_service",
    body: Type.Object({ service: Type.Object({ type, ...attributes }) }),
    success: 201,
    summary: "Adds a service to the catalog.",
    async handle(request, deps) {
      const row = { type: request.body.service.type, ...columns(request.body.service) };
      return { service: serviceView(request, await deps.change((tx) => createService(tx, row))) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/services/:service_id",
    policy: "identity:get_service",
    success: 200,
    summary: "Shows a service.",
    async handle(request, { store }) {
      return { service: serviceView(request, await getService(store.read, request.params["service_id"]!)) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/services/:service_id",
    policy: "identity:update_service",
    body: Type.Object({
      service: Type.Object({ type: Type.Optional(type), ...attributes }, { minProperties: 1 }),
    }),
    success: 200,
    summary: "Changes a service.",
    async handle(request, deps) {
      const given = request.body.service;
      const change = { ...(given.type === undefined ? {} : { type: given.type }), ...columns(given) };
      const service = await deps.change((tx) => updateService(tx, request.params["service_id"]!, change));
      return { service: serviceView(request, service) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/services/:service_id",
    policy: "identity:delete_service",
    success: 204,
    summary: "Takes a service and its endpoints out of the catalog.",
    async handle(request, deps) {
      await deps.change((tx) => deleteService(tx, request.params["service_id"]!));
    },
  }),
];

function columns(given: {
  readonly name?: string;
  readonly description?: string | null;
  readonly enabled?: boolean;
}) {
  return {
    ...(given.name === undefined ? {} : { name: given.name }),
    ...(given.description === undefined ? {} : { description: given.description ?? "" }),
    ...enabledColumn(given),
  };
}
