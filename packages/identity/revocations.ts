// Taking tokens back at once. Every revocation raises one counter and notes it beside its subject; a token
// carries the counter of its birth, and ends when any of its subjects was revoked later. Only the last day's
// subjects are kept.
import type { Millis } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import type { ScopeKind } from "./tables.ts";
import type { Claims } from "./token-format.ts";

// A day: far longer than any token lives.
const keptMs: Millis = 86_400_000;

export const subjectOf = {
  user: (id: string) => `user:${id}`,
  project: (id: string) => `project:${id}`,
  domain: (id: string) => `domain:${id}`,
  grant: (userId: string, scope: { readonly kind: ScopeKind; readonly id: string }) =>
    `grant:${userId}@${scope.kind}:${scope.id}`,
  credential: (id: string) => `credential:${id}`,
  token: (auditId: string) => `token:${auditId}`,
  /** What roles imply changed: concerns every token. */
  roles: () => "roles",
};

/** Ends every token that has one of these subjects and exists by now. */
export async function revoke(tx: Tx, subjects: readonly string[]): Promise<void> {
  if (subjects.length === 0) return;
  const { generation } = await tx
    .updateTable("token_generation")
    .set((row) => ({ generation: row("generation", "+", 1) }))
    .returning("generation")
    .executeTakeFirstOrThrow();
  const revoked_at = now(tx);
  await tx
    .deleteFrom("revocations")
    .where("revoked_at", "<", revoked_at - keptMs)
    .execute();
  for (const subject of new Set(subjects)) {
    await tx
      .insertInto("revocations")
      .values({ subject, generation, revoked_at })
      .onConflict((conflict) => conflict.column("subject").doUpdateSet({ generation, revoked_at }))
      .execute();
  }
}

/**
 * The counter now. Read it before the facts a token is made of: what changes in between then counts as
 * later.
 */
export async function tokenGeneration(tx: Tx): Promise<number> {
  const row = await tx.selectFrom("token_generation").select("generation").executeTakeFirstOrThrow();
  return row.generation;
}

/** The memory of one process: which subject was revoked at which count. */
export interface Revocations {
  readonly generation: number;
  /** Brings the memory up to date with the store. */
  refresh(tx: Tx): Promise<void>;
  isRevoked(claims: Claims): boolean;
}

export function revocationMemory(): Revocations {
  const latest = new Map<string, { generation: number; revokedAt: Millis }>();
  let known = -1;
  return {
    get generation() {
      return known;
    },
    async refresh(tx) {
      const rows = await tx.selectFrom("revocations").selectAll().where("generation", ">", known).execute();
      for (const row of rows)
        latest.set(row.subject, { generation: row.generation, revokedAt: row.revoked_at });
      known = rows.reduce((highest, row) => Math.max(highest, row.generation), Math.max(known, 0));
      const oldest = now(tx) - keptMs;
      for (const [subject, entry] of latest) if (entry.revokedAt < oldest) latest.delete(subject);
    },
    isRevoked: (claims) =>
      subjects(claims).some((subject) => (latest.get(subject)?.generation ?? 0) > claims.generation),
  };
}

function subjects(claims: Claims): string[] {
  const { scope, userId } = claims;
  return [
    subjectOf.roles(),
    subjectOf.user(userId),
    subjectOf.domain(claims.userDomainId),
    ...claims.auditIds.slice(0, 1).map(subjectOf.token),
    ...(claims.applicationCredentialId === null
      ? []
      : [subjectOf.credential(claims.applicationCredentialId)]),
    ...(scope.kind === "project" ? [subjectOf.project(scope.id), subjectOf.domain(scope.domainId)] : []),
    ...(scope.kind === "domain" ? [subjectOf.domain(scope.id)] : []),
    ...(scope.kind === "unscoped"
      ? []
      : [subjectOf.grant(userId, { kind: scope.kind, id: scopeId(claims) })]),
  ];
}

function scopeId({ scope }: Claims): string {
  return scope.kind === "project" || scope.kind === "domain" ? scope.id : "all";
}
