// Assignments as they take effect: groups become their members, inherited roles reach the projects below, and
// every role brings those it implies. Each row remembers what it came from.
import type { Tx } from "@micronova/store";
import { type Assignment, listAssignments } from "./assignments.ts";
import { memberIds } from "./groups.ts";
import { listProjects, projectSubtree } from "./projects.ts";
import { type Implication, listImplications } from "./roles.ts";

export interface EffectiveAssignment extends Assignment {
  /** The grant this follows from. */
  readonly source: Assignment;
  /** The role that implies this one, when it was not granted itself. */
  readonly priorRoleId: string | null;
}

/** Grants as they stand. */
export async function grantedAssignments(tx: Tx): Promise<EffectiveAssignment[]> {
  return (await listAssignments(tx)).map((source) => ({ ...source, source, priorRoleId: null }));
}

/** What the grants amount to for users. */
export async function effectiveAssignments(tx: Tx): Promise<EffectiveAssignment[]> {
  const rules = await listImplications(tx);
  const found: EffectiveAssignment[] = [];
  for (const source of await listAssignments(tx)) {
    const users = source.actor_kind === "user" ? [source.actor_id] : await memberIds(tx, source.actor_id);
    const scopes = source.inherited === 1 ? await inheritors(tx, source) : [source];
    for (const user of users) {
      for (const { scope_kind, scope_id } of scopes) {
        const direct: Assignment = {
          actor_kind: "user",
          actor_id: user,
          scope_kind,
          scope_id,
          role_id: source.role_id,
          inherited: 0,
        };
        found.push(...withImplications({ ...direct, source, priorRoleId: null }, rules));
      }
    }
  }
  return found;
}

async function inheritors(
  tx: Tx,
  source: Assignment,
): Promise<Pick<Assignment, "scope_kind" | "scope_id">[]> {
  const below =
    source.scope_kind === "domain"
      ? await listProjects(tx, { domain_id: source.scope_id })
      : await projectSubtree(tx, source.scope_id);
  return below.map(({ id }) => ({ scope_kind: "project", scope_id: id }));
}

function withImplications(
  assignment: EffectiveAssignment,
  rules: readonly Implication[],
): EffectiveAssignment[] {
  const found = new Map([[assignment.role_id, assignment]]);
  // A map hands out what is added while it is walked, which closes the rules over.
  for (const [prior] of found) {
    for (const { prior_role_id, implied_role_id } of rules) {
      if (prior_role_id !== prior || found.has(implied_role_id)) continue;
      found.set(implied_role_id, { ...assignment, role_id: implied_role_id, priorRoleId: prior });
    }
  }
  return [...found.values()];
}
