// The catalog's endpoints: one row for each interface of a service.
import { routesOf } from "@micronova/http";
import Type from "typebox";
import { createEndpoint, deleteEndpoint, getEndpoint, listEndpoints, updateEndpoint } from "../catalog.ts";
import type { IdentityDeps } from "../deps.ts";
import { collection } from "./collections.ts";
import { enabled, enabledColumn } from "./schemas.ts";
import { endpointView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const url = Type.String({ maxLength: 225, pattern: "^[a-zA-Z0-9+.-]+:.+" });
const kind = Type.Union([Type.Literal("public"), Type.Literal("internal"), Type.Literal("admin")]);
const text = Type.Union([Type.String(), Type.Null()]);
const attributes = {
  region: Type.Optional(text),
  region_id: Type.Optional(text),
  enabled: Type.Optional(enabled),
};

export const endpointRoutes = [
  route({
    method: "GET",
    path: "/v3/endpoints",
    policy: "identity:list_endpoints",
    success: 200,
    summary: "Lists endpoints.",
    async handle(request, { store }) {
      const views = (await listEndpoints(store.read)).map((endpoint) => endpointView(request, endpoint));
      return collection(request, "endpoints", views, ["service_id", "interface", "region_id"]);
    },
  }),
  route({
    method: "POST",
    path: "/v3/endpoints",
    policy: "identity:create_endpoint",
    body: Type.Object({
      endpoint: Type.Object({ service_id: Type.String(), interface: kind, url, ...attributes }),
    }),
    success: 201,
    summary: "Adds an endpoint to a service.",
    async handle(request, deps) {
      const { service_id, interface: interfaceName, url: address, ...rest } = request.body.endpoint;
      const row = { service_id, interface: interfaceName, url: address, ...columns(rest) };
      return { endpoint: endpointView(request, await deps.change((tx) => createEndpoint(tx, row))) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/endpoints/:endpoint_id",
    policy: "identity:get_endpoint",
    success: 200,
    summary: "Shows an endpoint.",
    async handle(request, { store }) {
      return {
        endpoint: endpointView(request, await getEndpoint(store.read, request.params["endpoint_id"]!)),
      };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/endpoints/:endpoint_id",
    policy: "identity:update_endpoint",
    body: Type.Object({
      endpoint: Type.Object(
        {
          service_id: Type.Optional(Type.String()),
          interface: Type.Optional(kind),
          url: Type.Optional(url),
          ...attributes,
        },
        { minProperties: 1 },
      ),
    }),
    success: 200,
    summary: "Changes an endpoint.",
    async handle(request, deps) {
      const { service_id, interface: interfaceName, url: address, ...rest } = request.body.endpoint;
      const change = {
        ...(service_id === undefined ? {} : { service_id }),
        ...(interfaceName === undefined ? {} : { interface: interfaceName }),
        ...(address === undefined ? {} : { url: address }),
        ...columns(rest),
      };
      const endpoint = await deps.change((tx) => updateEndpoint(tx, request.params["endpoint_id"]!, change));
      return { endpoint: endpointView(request, endpoint) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/endpoints/:endpoint_id",
    policy: "identity:delete_endpoint",
    success: 204,
    summary: "Removes an endpoint.",
    async handle(request, deps) {
      await deps.change((tx) => deleteEndpoint(tx, request.params["endpoint_id"]!));
    },
  }),
];

/** `region` is the older name of `region_id`. */
function columns(given: {
  readonly region?: string | null;
  readonly region_id?: string | null;
  readonly enabled?: boolean;
}) {
  const region_id = given.region_id ?? given.region;
  return { ...(region_id === undefined ? {} : { region_id }), ...enabledColumn(given) };
}
