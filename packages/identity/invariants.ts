// What must always hold of identity's tables; each query names what breaks it.
import type { Tx } from "@micronova/store";

export interface Invariant {
  readonly name: string;
  find(tx: Tx): Promise<string[]>;
}

export const identityInvariants: readonly Invariant[] = [
  {
    name: "every assignment's role exists",
    async find(tx) {
      const roles = tx.selectFrom("roles").select("id");
      const rows = await tx.selectFrom("assignments").selectAll().where("role_id", "not in", roles).execute();
      return rows.map((row) => `role ${row.role_id} of ${row.actor_kind} ${row.actor_id}`);
    },
  },
  {
    name: "every assignment's user or group exists",
    async find(tx) {
      const rows = await tx
        .selectFrom("assignments")
        .selectAll()
        .where("actor_id", "not in", tx.selectFrom("users").select("id"))
        .where("actor_id", "not in", tx.selectFrom("groups").select("id"))
        .execute();
      return rows.map((row) => `${row.actor_kind} ${row.actor_id}`);
    },
  },
  {
    name: "every assignment's scope exists",
    async find(tx) {
      const rows = await tx
        .selectFrom("assignments")
        .selectAll()
        .where("scope_kind", "!=", "system")
        .where("scope_id", "not in", tx.selectFrom("projects").select("id"))
        .where("scope_id", "not in", tx.selectFrom("domains").select("id"))
        .execute();
      return rows.map((row) => `${row.scope_kind} ${row.scope_id}`);
    },
  },
  {
    name: "every user's and project's domain exists",
    async find(tx) {
      const domains = tx.selectFrom("domains").select("id");
      const users = await tx.selectFrom("users").select("id").where("domain_id", "not in", domains).execute();
      const projects = await tx
        .selectFrom("projects")
        .select("id")
        .where("domain_id", "not in", domains)
        .execute();
      return [...users, ...projects].map((row) => row.id);
    },
  },
  {
    name: "every password and application credential belongs to a user",
    async find(tx) {
      const users = tx.selectFrom("users").select("id");
      const passwords = await tx
        .selectFrom("passwords")
        .select("user_id")
        .where("user_id", "not in", users)
        .execute();
      const credentials = await tx
        .selectFrom("application_credentials")
        .select("user_id")
        .where("user_id", "not in", users)
        .execute();
      return [...passwords, ...credentials].map((row) => row.user_id);
    },
  },
  {
    name: "no revocation is newer than the count of revocations",
    async find(tx) {
      const { generation } = await tx
        .selectFrom("token_generation")
        .select("generation")
        .executeTakeFirstOrThrow();
      const rows = await tx
        .selectFrom("revocations")
        .select("subject")
        .where("generation", ">", generation)
        .execute();
      return rows.map((row) => row.subject);
    },
  },
];
