// Domains.
import { routesOf } from "@micronova/http";
import Type from "typebox";
import type { IdentityDeps } from "../deps.ts";
import { createDomain, deleteDomain, getDomain, listDomains, updateDomain } from "../domains.ts";
import { collection } from "./collections.ts";
import { description, enabled, enabledColumn, keptOptions, resourceOptions, shortName } from "./schemas.ts";
import { domainView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const attributes = {
  description: Type.Optional(description),
  enabled: Type.Optional(enabled),
  options: Type.Optional(resourceOptions),
};
type Attributes = {
  readonly description?: string | null;
  readonly enabled?: boolean;
  readonly options?: object;
};

export const domainRoutes = [
  route({
    method: "GET",
    path: "/v3/domains",
    policy: "identity:list_domains",
    success: 200,
    summary: "Lists domains.",
    async handle(request, { store }) {
      const domains = await listDomains(store.read);
      const views = domains.map((domain) => domainView(request, domain));
      return collection(request, "domains", views, ["name", "enabled"]);
    },
  }),
  route({
    method: "POST",
    path: "/v3/domains",
    policy: "identity:create_domain",
    body: Type.Object({ domain: Type.Object({ name: shortName, ...attributes }) }),
    success: 201,
    summary: "Creates a domain.",
    async handle(request, deps) {
      const given = request.body.domain;
      const domain = await deps.change((tx) => createDomain(tx, { name: given.name, ...columns(given) }));
      return { domain: domainView(request, domain) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/domains/:domain_id",
    policy: "identity:get_domain",
    success: 200,
    summary: "Shows a domain.",
    async handle(request, { store }) {
      return { domain: domainView(request, await getDomain(store.read, request.params["domain_id"]!)) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/domains/:domain_id",
    policy: "identity:update_domain",
    body: Type.Object({
      domain: Type.Object({ name: Type.Optional(shortName), ...attributes }, { minProperties: 1 }),
    }),
    success: 200,
    summary: "Changes a domain. Disabling it ends the tokens of its users and projects.",
    async handle(request, deps) {
      const { name, ...given } = request.body.domain;
      const change = { ...(name === undefined ? {} : { name }), ...columns(given) };
      const domain = await deps.change((tx) => updateDomain(tx, request.params["domain_id"]!, change));
      return { domain: domainView(request, domain) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/domains/:domain_id",
    policy: "identity:delete_domain",
    success: 204,
    summary: "Deletes a disabled domain and all that is in it.",
    async handle(request, deps) {
      await deps.change((tx) => deleteDomain(tx, request.params["domain_id"]!));
    },
  }),
];

function columns(given: Attributes) {
  return {
    ...(given.description === undefined ? {} : { description: given.description ?? "" }),
    ...enabledColumn(given),
    ...(given.options === undefined ? {} : { options: keptOptions("{}", given.options) }),
  };
}
