// Roles, and which implies which.
import { type ApiRequest, reply, routesOf } from "@micronova/http";
import type { Tx } from "@micronova/store";
import Type from "typebox";
import type { IdentityDeps } from "../deps.ts";
import {
  addImplication,
  checkImplication,
  createRole,
  deleteRole,
  getRole,
  listImplications,
  listRoles,
  type Role,
  removeImplication,
  updateRole,
} from "../roles.ts";
import { collection, queryOf, selfUrl } from "./collections.ts";
import { description, idOrNull, keptOptions, name, resourceOptions } from "./schemas.ts";
import { roleRefView, roleView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const attributes = {
  description: Type.Optional(description),
  options: Type.Optional(resourceOptions),
};

const crudRoutes = [
  route({
    method: "GET",
    path: "/v3/roles",
    policy: "identity:list_roles",
    success: 200,
    summary: "Lists the cloud's roles, or those of one domain.",
    async handle(request, { store }) {
      const roles = await listRoles(store.read, { domain_id: queryOf(request)["domain_id"] ?? null });
      return collection(
        request,
        "roles",
        roles.map((role) => roleView(request, role)),
      );
    },
  }),
  route({
    method: "POST",
    path: "/v3/roles",
    policy: "identity:create_role",
    body: Type.Object({ role: Type.Object({ name, domain_id: Type.Optional(idOrNull), ...attributes }) }),
    success: 201,
    summary: "Creates a role.",
    async handle(request, deps) {
      const { name: roleName, domain_id = null, description: text = null, options = {} } = request.body.role;
      const row = { name: roleName, domain_id, description: text, options: keptOptions("{}", options) };
      return { role: roleView(request, await deps.change((tx) => createRole(tx, row))) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/roles/:role_id",
    policy: "identity:get_role",
    success: 200,
    summary: "Shows a role.",
    async handle(request, { store }) {
      return { role: roleView(request, await getRole(store.read, request.params["role_id"]!)) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/roles/:role_id",
    policy: "identity:update_role",
    body: Type.Object({
      role: Type.Object({ name: Type.Optional(name), ...attributes }, { minProperties: 1 }),
    }),
    success: 200,
    summary: "Changes a role.",
    async handle(request, deps) {
      const { name: roleName, description: text, options } = request.body.role;
      const role = await deps.change(async (tx) => {
        const before = await getRole(tx, request.params["role_id"]!);
        return updateRole(tx, before.id, {
          ...(roleName === undefined ? {} : { name: roleName }),
          ...(text === undefined ? {} : { description: text }),
          ...(options === undefined ? {} : { options: keptOptions(before.options, options) }),
        });
      });
      return { role: roleView(request, role) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/roles/:role_id",
    policy: "identity:delete_role",
    success: 204,
    summary: "Deletes a role and every grant of it; all tokens end.",
    async handle(request, deps) {
      await deps.change((tx) => deleteRole(tx, request.params["role_id"]!));
    },
  }),
];

const rulePath = "/v3/roles/:prior_role_id/implies/:implied_role_id";

const implicationRoutes = [
  route({
    method: "GET",
    path: "/v3/role_inferences",
    policy: "identity:list_implied_roles",
    success: 200,
    summary: "Lists which role implies which.",
    async handle(request, { store }) {
      const rules = await listImplications(store.read);
      const priors = [...new Set(rules.map((rule) => rule.prior_role_id))];
      const inferences = await Promise.all(
        priors.map((prior) => inference(store.read, prior, (role) => describedRoleView(request, role))),
      );
      return { role_inferences: inferences, links: { self: selfUrl(request) } };
    },
  }),
  route({
    method: "GET",
    path: "/v3/roles/:prior_role_id/implies",
    policy: "identity:list_implied_roles",
    success: 200,
    summary: "Lists the roles that a role implies.",
    async handle(request, { store }) {
      const prior = request.params["prior_role_id"]!;
      const role_inference = await inference(store.read, prior, (role) => roleRefView(request, role));
      return { role_inference, links: { self: selfUrl(request) } };
    },
  }),
  route({
    method: "PUT",
    path: rulePath,
    policy: "identity:create_implied_role",
    success: 201,
    summary: "Makes one role imply another.",
    async handle(request, deps) {
      await deps.change((tx) => addImplication(tx, implicationOf(request)));
      return ruleView(deps.store.read, request);
    },
  }),
  route({
    method: "GET",
    path: rulePath,
    policy: "identity:list_implied_roles",
    success: 200,
    summary: "Shows that one role implies another.",
    async handle(request, { store }) {
      await checkImplication(store.read, implicationOf(request));
      return ruleView(store.read, request);
    },
  }),
  route({
    method: "HEAD",
    path: rulePath,
    policy: "identity:list_implied_roles",
    success: 204,
    summary: "Says whether one role implies another.",
    async handle(request, { store }) {
      await checkImplication(store.read, implicationOf(request));
      return reply({ body: null });
    },
  }),
  route({
    method: "DELETE",
    path: rulePath,
    policy: "identity:delete_implied_role",
    success: 204,
    summary: "Makes one role no longer imply another; all tokens end.",
    async handle(request, deps) {
      await deps.change((tx) => removeImplication(tx, implicationOf(request)));
    },
  }),
];

export const roleRoutes = [...crudRoutes, ...implicationRoutes];

type Request = ApiRequest<unknown, unknown>;

function implicationOf({ params }: Request) {
  return { prior_role_id: params["prior_role_id"]!, implied_role_id: params["implied_role_id"]! };
}

async function ruleView(tx: Tx, request: Request) {
  const { prior_role_id, implied_role_id } = implicationOf(request);
  const prior = roleRefView(request, await getRole(tx, prior_role_id));
  const implied = roleRefView(request, await getRole(tx, implied_role_id));
  return { role_inference: { prior_role: prior, implies: implied }, links: { self: selfUrl(request) } };
}

/** Only the list of all rules describes the roles. */
function describedRoleView(request: Request, role: Role) {
  return { ...roleRefView(request, role), description: role.description };
}

async function inference<V>(tx: Tx, priorId: string, view: (role: Role) => V) {
  const prior = await getRole(tx, priorId);
  const rules = await listImplications(tx, priorId);
  const implied = await listRoles(tx, { ids: rules.map((rule) => rule.implied_role_id) });
  return { prior_role: view(prior), implies: implied.map(view) };
}
