// Who has which role where: the grants, or what they amount to.
import { type ApiRequest, routesOf } from "@micronova/http";
import type { Tx } from "@micronova/store";
import type { Assignment } from "../assignments.ts";
import type { IdentityDeps } from "../deps.ts";
import { listDomains } from "../domains.ts";
import {
  type EffectiveAssignment,
  effectiveAssignments,
  grantedAssignments,
} from "../effective-assignments.ts";
import { errors } from "../errors.ts";
import { listGroups } from "../groups.ts";
import { listProjects, projectSubtree } from "../projects.ts";
import { listRoles } from "../roles.ts";
import { listUsers } from "../users.ts";
import { isSaid, queryOf, selfUrl } from "./collections.ts";

const route = routesOf<IdentityDeps>();

export const roleAssignmentRoutes = [
  route({
    method: "GET",
    path: "/v3/role_assignments",
    policy: "identity:list_role_assignments",
    success: 200,
    summary: "Lists who has which role where.",
    async handle(request, { store }) {
      const query = queryOf(request);
      const isEffective = isSaid(query, "effective");
      checkFilters(query, isEffective);
      const all = isEffective ? await effectiveAssignments(store.read) : await grantedAssignments(store.read);
      const passes = await filterOf(store.read, query);
      const names = isSaid(query, "include_names") ? await namesOf(store.read) : null;
      const views = all.filter(passes).map((assignment) => assignmentView(request, assignment, names));
      return {
        role_assignments: views,
        links: { self: selfUrl(request), previous: null, next: null },
      };
    },
  }),
];

type Query = Readonly<Record<string, string>>;

function checkFilters(query: Query, isEffective: boolean): void {
  if (query["user.id"] !== undefined && query["group.id"] !== undefined) {
    throw errors.invalid("Specify a user or group, not both.");
  }
  if (query["scope.domain.id"] !== undefined && query["scope.project.id"] !== undefined) {
    throw errors.invalid("Specify a domain or project, not both.");
  }
  if (isEffective && query["group.id"] !== undefined) {
    throw errors.invalid("Combining effective and group filter will always result in an empty list.");
  }
  if (isSaid(query, "include_subtree") && query["scope.project.id"] === undefined) {
    throw errors.invalid("scope.project.id must be specified if include_subtree is also specified");
  }
}

async function filterOf(tx: Tx, query: Query): Promise<(assignment: EffectiveAssignment) => boolean> {
  const project = query["scope.project.id"];
  const domain = query["scope.domain.id"];
  const below =
    project !== undefined && isSaid(query, "include_subtree") ? await projectSubtree(tx, project) : [];
  const projects = new Set([project, ...below.map(({ id }) => id)]);
  const matches = (key: string, value: string) => query[key] === undefined || query[key] === value;
  const inheritance = query["scope.OS-INHERIT:inherited_to"];
  return (one) =>
    matches("role.id", one.role_id) &&
    (query["user.id"] === undefined || (one.actor_kind === "user" && matches("user.id", one.actor_id))) &&
    (query["group.id"] === undefined || (one.actor_kind === "group" && matches("group.id", one.actor_id))) &&
    (project === undefined || (one.scope_kind === "project" && projects.has(one.scope_id))) &&
    (domain === undefined || (one.scope_kind === "domain" && one.scope_id === domain)) &&
    (query["scope.system"] === undefined || one.scope_kind === "system") &&
    (inheritance === undefined || one.inherited === 1);
}

interface Named {
  readonly id: string;
  readonly name: string;
  readonly domain_id?: string | null;
}
interface Names {
  readonly things: ReadonlyMap<string, Named>;
  readonly domains: ReadonlyMap<string, Named>;
}

async function namesOf(tx: Tx): Promise<Names> {
  const things: Named[] = [
    ...(await listUsers(tx)),
    ...(await listGroups(tx)),
    ...(await listProjects(tx)),
    ...(await listRoles(tx)),
  ];
  const domains: Named[] = await listDomains(tx);
  const byId = (list: readonly Named[]) => new Map(list.map((thing) => [thing.id, thing]));
  return { things: byId([...things, ...domains]), domains: byId(domains) };
}

type Base = Pick<ApiRequest<unknown, unknown>, "baseUrl">;

function assignmentView(base: Base, assignment: EffectiveAssignment, names: Names | null) {
  const { source, role_id, actor_kind, actor_id, priorRoleId } = assignment;
  const links = {
    assignment: grantUrl(base, source),
    ...(source.actor_kind === "group" && actor_kind === "user"
      ? { membership: `${base.baseUrl}/v3/groups/${source.actor_id}/users/${actor_id}` }
      : {}),
    ...(priorRoleId === null
      ? {}
      : { prior_role: `${base.baseUrl}/v3/roles/${priorRoleId}/implies/${role_id}` }),
  };
  return {
    links,
    role: ref(role_id, names),
    scope: scopeView(assignment, names),
    [actor_kind]: ref(actor_id, names),
  };
}

function scopeView(assignment: Assignment & { readonly source: Assignment }, names: Names | null) {
  const { scope_kind, scope_id } = assignment;
  const scope = scope_kind === "system" ? { all: true } : ref(scope_id, names);
  const inherited = assignment.source.inherited === 1 ? { "OS-INHERIT:inherited_to": "projects" } : {};
  return { [scope_kind]: scope, ...inherited };
}

function ref(id: string, names: Names | null) {
  const named = names?.things.get(id);
  if (named === undefined) return { id };
  const domain = names?.domains.get(named.domain_id ?? "");
  const { name } = named;
  return domain === undefined ? { id, name } : { id, name, domain: { id: domain.id, name: domain.name } };
}

function grantUrl({ baseUrl }: Base, grant: Assignment): string {
  const where = grant.scope_kind === "system" ? "system" : `${grant.scope_kind}s/${grant.scope_id}`;
  const holder = `${grant.actor_kind}s/${grant.actor_id}/roles/${grant.role_id}`;
  return grant.inherited === 1
    ? `${baseUrl}/v3/OS-INHERIT/${where}/${holder}/inherited_to_projects`
    : `${baseUrl}/v3/${where}/${holder}`;
}
