// Domains: the top of the tree of users and projects.
import { hexId } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { revoke, subjectOf } from "./revocations.ts";
import type { DomainTable } from "./tables.ts";

export type Domain = DomainTable;
/** The attributes a client may set; absent ones stay as they are. */
export type DomainChange = Partial<Pick<Domain, "name" | "description" | "enabled" | "options">>;

export async function listDomains(tx: Tx): Promise<Domain[]> {
  return tx.selectFrom("domains").selectAll().orderBy("name").execute();
}

export async function findDomain(tx: Tx, id: string): Promise<Domain | null> {
  return (await tx.selectFrom("domains").selectAll().where("id", "=", id).executeTakeFirst()) ?? null;
}

export async function findDomainByName(tx: Tx, name: string): Promise<Domain | null> {
  return (await tx.selectFrom("domains").selectAll().where("name", "=", name).executeTakeFirst()) ?? null;
}

export async function getDomain(tx: Tx, id: string): Promise<Domain> {
  const domain = await findDomain(tx, id);
  if (domain === null) throw errors.notFound("domain", id);
  return domain;
}

export async function createDomain(
  tx: Tx,
  domain: { readonly id?: string; readonly name: string } & DomainChange,
): Promise<Domain> {
  const row = await tx
    .insertInto("domains")
    .values({
      description: "",
      enabled: 1,
      options: "{}",
      ...domain,
      id: domain.id ?? hexId(newId(tx)),
      created_at: now(tx),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw nameTaken(domain.name);
  return row;
}

export async function updateDomain(tx: Tx, id: string, change: DomainChange): Promise<Domain> {
  const before = await getDomain(tx, id);
  const namesake = change.name === undefined ? null : await findDomainByName(tx, change.name);
  if (namesake !== null && namesake.id !== id) throw nameTaken(namesake.name);
  const row = await tx
    .updateTable("domains")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (before.enabled === 1 && row.enabled === 0) await revoke(tx, [subjectOf.domain(id)]);
  return row;
}

/** Removes a disabled domain with everything in it. */
export async function deleteDomain(tx: Tx, id: string): Promise<void> {
  const domain = await getDomain(tx, id);
  if (domain.enabled === 1) throw errors.domainEnabled();
  const users = tx.selectFrom("users").select("id").where("domain_id", "=", id);
  const groups = tx.selectFrom("groups").select("id").where("domain_id", "=", id);
  const projects = tx.selectFrom("projects").select("id").where("domain_id", "=", id);
  for (const actors of [users, groups]) {
    await tx.deleteFrom("assignments").where("actor_id", "in", actors).execute();
  }
  await tx.deleteFrom("assignments").where("scope_id", "in", projects).execute();
  await tx.deleteFrom("assignments").where("scope_id", "=", id).execute();
  await tx.deleteFrom("application_credentials").where("user_id", "in", users).execute();
  await tx.deleteFrom("application_credentials").where("project_id", "in", projects).execute();
  await tx.deleteFrom("group_members").where("user_id", "in", users).execute();
  await tx.deleteFrom("group_members").where("group_id", "in", groups).execute();
  await tx.deleteFrom("passwords").where("user_id", "in", users).execute();
  await tx.deleteFrom("users").where("domain_id", "=", id).execute();
  await tx.deleteFrom("groups").where("domain_id", "=", id).execute();
  await tx.deleteFrom("projects").where("domain_id", "=", id).execute();
  await tx.deleteFrom("domains").where("id", "=", id).execute();
  await revoke(tx, [subjectOf.domain(id)]);
}

function nameTaken(name: string) {
  return errors.duplicate(
    "project",
    `it is not permitted to have two projects acting as domains with the same name: ${name}`,
  );
}
