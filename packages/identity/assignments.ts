// Who has which role where: granted to a user or a group, on a project, a domain or the system, and perhaps
// inherited by the projects below.
import type { Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { memberIds } from "./groups.ts";
import { findProject, type Project, projectParents } from "./projects.ts";
import { revoke, subjectOf } from "./revocations.ts";
import { withImplied } from "./roles.ts";
import type { ActorKind, AssignmentTable, ScopeKind } from "./tables.ts";

export type Assignment = AssignmentTable;

export interface ScopeRef {
  readonly kind: ScopeKind;
  readonly id: string;
}
export const systemScope: ScopeRef = { kind: "system", id: "all" };

export interface ActorRef {
  readonly kind: ActorKind;
  readonly id: string;
}

export interface Grant {
  readonly actor: ActorRef;
  readonly scope: ScopeRef;
  readonly inherited: boolean;
}

export async function addGrant(tx: Tx, grant: Grant, role_id: string): Promise<void> {
  await tx
    .insertInto("assignments")
    .values({ ...columns(grant), role_id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function listGrantedRoleIds(tx: Tx, grant: Grant): Promise<string[]> {
  const { actor_id, scope_id, inherited } = columns(grant);
  const rows = await tx
    .selectFrom("assignments")
    .select("role_id")
    .where("actor_id", "=", actor_id)
    .where("scope_id", "=", scope_id)
    .where("inherited", "=", inherited)
    .execute();
  return rows.map((row) => row.role_id);
}

export async function checkGrant(tx: Tx, grant: Grant, roleId: string): Promise<void> {
  const granted = await listGrantedRoleIds(tx, grant);
  if (!granted.includes(roleId)) throw errors.assignmentNotFound(roleId, grant.actor.id, grant.scope.id);
}

/** Takes the role back, and with it the tokens that carry it. */
export async function removeGrant(tx: Tx, grant: Grant, roleId: string): Promise<void> {
  await checkGrant(tx, grant, roleId);
  const { actor_id, scope_id, inherited } = columns(grant);
  await tx
    .deleteFrom("assignments")
    .where("actor_id", "=", actor_id)
    .where("scope_id", "=", scope_id)
    .where("inherited", "=", inherited)
    .where("role_id", "=", roleId)
    .execute();
  const users = grant.actor.kind === "user" ? [grant.actor.id] : await memberIds(tx, grant.actor.id);
  // An inherited role holds on any number of projects; ending all the user's tokens is the short way.
  await revoke(
    tx,
    users.map((user) => (grant.inherited ? subjectOf.user(user) : subjectOf.grant(user, grant.scope))),
  );
}

export interface AssignmentFilter {
  readonly actorIds?: readonly string[];
  readonly roleId?: string;
  readonly scope?: ScopeRef;
  readonly inherited?: boolean;
}

export async function listAssignments(tx: Tx, filter: AssignmentFilter = {}): Promise<Assignment[]> {
  let query = tx.selectFrom("assignments").selectAll();
  if (filter.actorIds !== undefined) query = query.where("actor_id", "in", filter.actorIds);
  if (filter.roleId !== undefined) query = query.where("role_id", "=", filter.roleId);
  if (filter.scope !== undefined) {
    query = query.where("scope_kind", "=", filter.scope.kind).where("scope_id", "=", filter.scope.id);
  }
  if (filter.inherited !== undefined) query = query.where("inherited", "=", filter.inherited ? 1 : 0);
  return query.orderBy("scope_id").orderBy("actor_id").orderBy("role_id").execute();
}

/** The user and the groups it is in: everything a grant to which is a grant to the user. */
async function actorIdsOf(tx: Tx, userId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("group_members")
    .select("group_id")
    .where("user_id", "=", userId)
    .execute();
  return [userId, ...rows.map((row) => row.group_id)];
}

/** Ids of the roles the user has on the scope: direct, by group, inherited and implied. */
export async function effectiveRoleIds(tx: Tx, userId: string, scope: ScopeRef): Promise<string[]> {
  const actorIds = await actorIdsOf(tx, userId);
  const held = await listAssignments(tx, { actorIds });
  const direct = held.filter((row) => row.inherited === 0 && row.scope_id === scope.id);
  const project = scope.kind === "project" ? await findProject(tx, scope.id) : null;
  const above = project === null ? [] : await scopesAbove(tx, project);
  const inherited = held.filter((row) => row.inherited === 1 && above.includes(row.scope_id));
  return withImplied(
    tx,
    [...direct, ...inherited].map((row) => row.role_id),
  );
}

/** Ids of the scopes on which the user has any role. */
export async function scopeIdsOf(tx: Tx, userId: string, kind: ScopeKind): Promise<string[]> {
  const held = await listAssignments(tx, { actorIds: await actorIdsOf(tx, userId) });
  const direct = held.filter((row) => row.inherited === 0 && row.scope_kind === kind);
  const found = new Set(direct.map((row) => row.scope_id));
  const inherited = new Set(held.filter((row) => row.inherited === 1).map((row) => row.scope_id));
  if (kind !== "project" || inherited.size === 0) return [...found];
  for (const project of await tx.selectFrom("projects").selectAll().execute()) {
    const above = await scopesAbove(tx, project);
    if (above.some((id) => inherited.has(id))) found.add(project.id);
  }
  return [...found];
}

/** From where a project inherits: its domain and the projects above it. */
async function scopesAbove(tx: Tx, project: Project): Promise<string[]> {
  const parents = await projectParents(tx, project);
  return [project.domain_id, ...parents.map((parent) => parent.id)];
}

function columns({ actor, scope, inherited }: Grant) {
  return {
    actor_kind: actor.kind,
    actor_id: actor.id,
    scope_kind: scope.kind,
    scope_id: scope.id,
    inherited: inherited ? 1 : 0,
  };
}
