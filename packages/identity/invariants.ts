// What must always hold of identity's tables; each query names what breaks it.
import type { Invariant, Violation } from "@micronova/store";

export const identityInvariants: readonly Invariant[] = [
  {
    name: "every assignment's role exists",
    async find(tx) {
      const roles = tx.selectFrom("roles").select("id");
      const rows = await tx.selectFrom("assignments").selectAll().where("role_id", "not in", roles).execute();
      return rows.map((row) =>
        wrong(
          "role",
          row.role_id,
          `Role ${row.role_id} of ${row.actor_kind} ${row.actor_id} does not exist.`,
        ),
      );
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
      return rows.map(({ actor_kind: kind, actor_id: id }) =>
        wrong(kind, id, `The ${kind} ${id} has a role and does not exist.`),
      );
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
      return rows.map(({ scope_kind: kind, scope_id: id }) =>
        wrong(kind, id ?? "", `Roles are given on the ${kind} ${id}, which does not exist.`),
      );
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
      return [
        ...users.map(({ id }) => wrong("user", id, `User ${id} is in no domain.`)),
        ...projects.map(({ id }) => wrong("project", id, `Project ${id} is in no domain.`)),
      ];
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
      return [...passwords, ...credentials].map(({ user_id: id }) =>
        wrong("user", id, `User ${id} has a password or credential and does not exist.`),
      );
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
      return rows.map(({ subject }) =>
        wrong("revocation", subject, `The revocation of ${subject} is newer than the last one counted.`),
      );
    },
  },
];

function wrong(kind: string, id: string, text: string): Violation {
  return { text, about: { kind, id } };
}
