// Granting roles. One set of routes for each place a role can hold and each kind of holder, also for roles
// that only the projects below inherit.
import { type AnyRoute, type ApiRequest, routesOf } from "@micronova/http";
import type { Tx } from "@micronova/store";
import {
  addGrant,
  checkGrant,
  type Grant,
  listGrantedRoleIds,
  removeGrant,
  systemScope,
} from "../assignments.ts";
import type { IdentityDeps } from "../deps.ts";
import { getDomain } from "../domains.ts";
import { getGroup } from "../groups.ts";
import { getProject } from "../projects.ts";
import { getRole, listRoles } from "../roles.ts";
import type { ActorKind, ScopeKind } from "../tables.ts";
import { getUser } from "../users.ts";
import { collection } from "./collections.ts";
import { roleView } from "./views.ts";

const route = routesOf<IdentityDeps>();

/** How a grant is written in an address. */
interface GrantPath {
  readonly scope: ScopeKind;
  readonly actor: ActorKind;
  readonly inherited: boolean;
}

const scopes = ["project", "domain", "system"] as const;
const actors = ["user", "group"] as const;

export const grantRoutes: readonly AnyRoute<IdentityDeps>[] = scopes.flatMap((scope) =>
  actors.flatMap((actor) => [
    ...routesAt({ scope, actor, inherited: false }),
    // Nothing lies below the system.
    ...(scope === "system" ? [] : routesAt({ scope, actor, inherited: true })),
  ]),
);

function routesAt(at: GrantPath): AnyRoute<IdentityDeps>[] {
  const where = at.scope === "system" ? "/system" : `/${at.scope}s/:scope_id`;
  const prefix = at.inherited ? "/v3/OS-INHERIT" : "/v3";
  const suffix = at.inherited ? "/inherited_to_projects" : "";
  const list = `${prefix}${where}/${at.actor}s/:actor_id/roles`;
  const words = `a role ${at.inherited ? "that projects inherit from" : "on"} the ${at.scope} for a ${at.actor}`;
  return [listRoute(at, `${list}${suffix}`, words), ...oneRoutes(at, `${list}/:role_id${suffix}`, words)];
}

function listRoute(at: GrantPath, path: string, words: string): AnyRoute<IdentityDeps> {
  return route({
    method: "GET",
    path,
    policy: "identity:list_grants",
    success: 200,
    summary: `Lists grants: ${words}.`,
    async handle(request, { store }) {
      const grant = await grantOf(store.read, request, at);
      const roles = await listRoles(store.read, { ids: await listGrantedRoleIds(store.read, grant) });
      return collection(
        request,
        "roles",
        roles.map((role) => roleView(request, role)),
      );
    },
  });
}

function oneRoutes(at: GrantPath, path: string, words: string): AnyRoute<IdentityDeps>[] {
  return [
    route({
      method: "PUT",
      path,
      policy: "identity:create_grant",
      success: 204,
      summary: `Grants ${words}.`,
      async handle(request, deps) {
        await deps.change(async (tx) => {
          const { id } = await getRole(tx, request.params["role_id"]!);
          await addGrant(tx, await grantOf(tx, request, at), id);
        });
      },
    }),
    route({
      method: "GET",
      path,
      policy: "identity:check_grant",
      success: 204,
      summary: `Checks ${words}.`,
      async handle(request, { store }) {
        const { id } = await getRole(store.read, request.params["role_id"]!);
        await checkGrant(store.read, await grantOf(store.read, request, at), id);
      },
    }),
    route({
      method: "DELETE",
      path,
      policy: "identity:revoke_grant",
      success: 204,
      summary: `Takes back ${words}; the tokens with it end.`,
      async handle(request, deps) {
        await deps.change(async (tx) => {
          const { id } = await getRole(tx, request.params["role_id"]!);
          await removeGrant(tx, await grantOf(tx, request, at), id);
        });
      },
    }),
  ];
}

/** The grant an address names; its scope and its holder exist. */
async function grantOf(tx: Tx, request: ApiRequest<unknown, unknown>, at: GrantPath): Promise<Grant> {
  const scopeId = request.params["scope_id"] ?? systemScope.id;
  const actorId = request.params["actor_id"]!;
  if (at.scope === "project") await getProject(tx, scopeId);
  if (at.scope === "domain") await getDomain(tx, scopeId);
  if (at.actor === "user") await getUser(tx, actorId);
  else await getGroup(tx, actorId);
  return {
    scope: { kind: at.scope, id: scopeId },
    actor: { kind: at.actor, id: actorId },
    inherited: at.inherited,
  };
}
