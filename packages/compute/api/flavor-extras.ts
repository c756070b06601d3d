// What belongs to a flavor besides its size: extra specs, and who may use a private one.
import { type ApiRequest, actionRoute, actionsOf, reply, routesOf, since } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { resourceErrors as errors } from "../errors-resources.ts";
import { checkExtraSpecs } from "../extra-specs.ts";
import {
  addFlavorAccess,
  deleteExtraSpec,
  extraSpecs,
  flavorAccess,
  getFlavor,
  removeFlavorAccess,
  setExtraSpecs,
} from "../flavors.ts";
import { extraSpecBody, extraSpecsBody, tenantAccess } from "./schemas/resources.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();
const action = actionsOf<ComputeDeps>();

const specsPath = "/flavors/:flavor_id/os-extra_specs";

const extraSpecRoutes = [
  route({
    method: "GET",
    path: specsPath,
    policy: "os_compute_api:os-flavor-extra-specs:index",
    query: emptyQuery,
    success: 200,
    summary: "Lists a flavor's extra specs.",
    async handle(request, { store }) {
      return { extra_specs: extraSpecs(await getFlavor(store.read, request.context, flavorId(request))) };
    },
  }),
  route({
    method: "POST",
    path: specsPath,
    policy: "os_compute_api:os-flavor-extra-specs:create",
    body: extraSpecsBody,
    success: 200,
    summary: "Sets extra specs of a flavor.",
    async handle(request, { store }) {
      const specs = texts(request.body.extra_specs);
      if (request.does(since("2.86"))) checkExtraSpecs(specs);
      await store.transaction((tx) => setExtraSpecs(tx, request.context, flavorId(request), specs));
      return { extra_specs: specs };
    },
  }),
  route({
    method: "GET",
    path: `${specsPath}/:key`,
    policy: "os_compute_api:os-flavor-extra-specs:show",
    query: emptyQuery,
    success: 200,
    summary: "Shows one extra spec of a flavor.",
    async handle(request, { store }) {
      const key = request.params["key"]!;
      const value = extraSpecs(await getFlavor(store.read, request.context, flavorId(request)))[key];
      if (value === undefined) throw errors.extraSpecMissing(flavorId(request), key);
      return { [key]: value };
    },
  }),
  route({
    method: "PUT",
    path: `${specsPath}/:key`,
    policy: "os_compute_api:os-flavor-extra-specs:update",
    body: extraSpecBody,
    success: 200,
    summary: "Sets one extra spec of a flavor.",
    async handle(request, { store }) {
      const specs = texts(request.body);
      if (!Object.hasOwn(specs, request.params["key"]!)) throw errors.bodyKeyMismatch();
      if (request.does(since("2.86"))) checkExtraSpecs(specs);
      await store.transaction((tx) => setExtraSpecs(tx, request.context, flavorId(request), specs));
      return specs;
    },
  }),
  route({
    method: "DELETE",
    path: `${specsPath}/:key`,
    policy: "os_compute_api:os-flavor-extra-specs:delete",
    success: 200,
    summary: "Removes one extra spec of a flavor.",
    async handle(request, { store }) {
      const key = request.params["key"]!;
      await store.transaction((tx) => deleteExtraSpec(tx, request.context, flavorId(request), key));
      return reply({ body: null });
    },
  }),
];

const accessActions = [
  action({
    name: "addTenantAccess",
    policy: "os_compute_api:os-flavor-access:add_tenant_access",
    schema: tenantAccess,
    success: 200,
    summary: "Lets a project use a private flavor.",
    async handle(request, { store }) {
      const flavor = await getFlavor(store.read, request.context, flavorId(request));
      if (flavor.is_public === 1 && request.does(since("2.7"))) throw errors.flavorAccessPublic();
      await store.transaction((tx) => addFlavorAccess(tx, flavor.id, request.body.tenant));
      return accessView(flavor.id, await flavorAccess(store.read, flavor.id));
    },
  }),
  action({
    name: "removeTenantAccess",
    policy: "os_compute_api:os-flavor-access:remove_tenant_access",
    schema: tenantAccess,
    success: 200,
    summary: "Takes a private flavor away from a project.",
    async handle(request, { store }) {
      const flavor = await getFlavor(store.read, request.context, flavorId(request));
      await store.transaction((tx) => removeFlavorAccess(tx, flavor.id, request.body.tenant));
      return accessView(flavor.id, await flavorAccess(store.read, flavor.id));
    },
  }),
];

const accessRoutes = [
  route({
    method: "GET",
    path: "/flavors/:flavor_id/os-flavor-access",
    policy: "os_compute_api:os-flavor-access",
    query: emptyQuery,
    success: 200,
    summary: "Lists the projects that may use a private flavor.",
    async handle(request, { store }) {
      const flavor = await getFlavor(store.read, request.context, flavorId(request));
      if (flavor.is_public === 1) throw errors.flavorAccessUnlisted();
      return accessView(flavor.id, await flavorAccess(store.read, flavor.id));
    },
  }),
  actionRoute({ path: "/flavors/:flavor_id/action", actions: accessActions }),
];

export const flavorExtraRoutes = [...extraSpecRoutes, ...accessRoutes];

function flavorId({ params }: Pick<ApiRequest<unknown, unknown>, "params">): string {
  return params["flavor_id"]!;
}

/** Numbers are taken and kept as text. */
function texts(specs: object): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));
}

function accessView(flavor_id: string, projects: readonly string[]) {
  return { flavor_access: projects.map((tenant_id) => ({ flavor_id, tenant_id })) };
}
