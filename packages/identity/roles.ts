// Roles, and which role implies which: an `admin` is also a `member` and a `reader`.
import { hexId } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { revoke, subjectOf } from "./revocations.ts";
import type { RoleTable } from "./tables.ts";

export type Role = RoleTable;
export type RoleChange = Partial<Pick<Role, "name" | "description" | "options">>;

export async function listRoles(
  tx: Tx,
  filter: { readonly domain_id?: string | null; readonly ids?: readonly string[] } = {},
): Promise<Role[]> {
  let query = tx.selectFrom("roles").selectAll();
  if (filter.domain_id === null) query = query.where("domain_id", "is", null);
  else if (filter.domain_id !== undefined) query = query.where("domain_id", "=", filter.domain_id);
  if (filter.ids !== undefined) query = query.where("id", "in", filter.ids);
  return query.orderBy("name").execute();
}

export async function getRole(tx: Tx, id: string): Promise<Role> {
  const role = await tx.selectFrom("roles").selectAll().where("id", "=", id).executeTakeFirst();
  if (role === undefined) throw errors.notFound("role", id);
  return role;
}

export async function createRole(
  tx: Tx,
  role: { readonly name: string; readonly domain_id?: string | null } & RoleChange,
): Promise<Role> {
  const row = await tx
    .insertInto("roles")
    .values({
      domain_id: null,
      description: null,
      options: "{}",
      ...role,
      id: hexId(newId(tx)),
      created_at: now(tx),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw nameTaken(role.name);
  return row;
}

export async function updateRole(tx: Tx, id: string, change: RoleChange): Promise<Role> {
  const before = await getRole(tx, id);
  if (isImmutable(before) && !unlocks(change)) throw errors.immutable("update", "role", id);
  const same = await listRoles(tx, { domain_id: before.domain_id });
  if (same.some((role) => role.name === change.name && role.id !== id)) throw nameTaken(change.name ?? "");
  return tx
    .updateTable("roles")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteRole(tx: Tx, id: string): Promise<void> {
  if (isImmutable(await getRole(tx, id))) throw errors.immutable("delete", "role", id);
  await tx.deleteFrom("assignments").where("role_id", "=", id).execute();
  await tx.deleteFrom("implied_roles").where("prior_role_id", "=", id).execute();
  await tx.deleteFrom("implied_roles").where("implied_role_id", "=", id).execute();
  await tx.deleteFrom("roles").where("id", "=", id).execute();
  await revoke(tx, [subjectOf.roles()]);
}

export interface Implication {
  readonly prior_role_id: string;
  readonly implied_role_id: string;
}

export async function listImplications(tx: Tx, priorRoleId?: string): Promise<Implication[]> {
  let query = tx.selectFrom("implied_roles").selectAll();
  if (priorRoleId !== undefined) query = query.where("prior_role_id", "=", priorRoleId);
  return query.execute();
}

export async function addImplication(tx: Tx, { prior_role_id, implied_role_id }: Implication): Promise<void> {
  const implied = await getRole(tx, implied_role_id);
  await getRole(tx, prior_role_id);
  const circle = (await withImplied(tx, [implied_role_id])).includes(prior_role_id);
  if (circle) throw errors.invalid(`Role ${implied.name} already implies ${prior_role_id}.`);
  await tx
    .insertInto("implied_roles")
    .values({ prior_role_id, implied_role_id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function checkImplication(
  tx: Tx,
  { prior_role_id, implied_role_id }: Implication,
): Promise<void> {
  await getRole(tx, prior_role_id);
  await getRole(tx, implied_role_id);
  const known = await listImplications(tx, prior_role_id);
  if (known.some((row) => row.implied_role_id === implied_role_id)) return;
  throw errors.impliedNotFound(prior_role_id, implied_role_id);
}

export async function removeImplication(tx: Tx, implication: Implication): Promise<void> {
  await checkImplication(tx, implication);
  await tx
    .deleteFrom("implied_roles")
    .where("prior_role_id", "=", implication.prior_role_id)
    .where("implied_role_id", "=", implication.implied_role_id)
    .execute();
  await revoke(tx, [subjectOf.roles()]);
}

/** The given roles and all that they imply, each once. */
export async function withImplied(tx: Tx, roleIds: readonly string[]): Promise<string[]> {
  const rules = await listImplications(tx);
  const found = new Set(roleIds);
  // A set hands out what is added while it is walked, which closes the rules over.
  for (const prior of found) {
    for (const rule of rules) if (rule.prior_role_id === prior) found.add(rule.implied_role_id);
  }
  return [...found];
}

function isImmutable(role: Role): boolean {
  return JSON.parse(role.options).immutable === true;
}

/** Taking the lock off is the one change a locked role allows. */
function unlocks(change: RoleChange): boolean {
  return Object.keys(change).join() === "options" && JSON.parse(change.options ?? "{}").immutable !== true;
}

function nameTaken(name: string) {
  return errors.duplicate("role", `Duplicate entry found with name ${name}`);
}
