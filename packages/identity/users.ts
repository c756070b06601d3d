// Users and their passwords. A change that must end a user's tokens revokes them in the same transaction.
import { hexId } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { getDomain } from "./domains.ts";
import { errors } from "./errors.ts";
import { revoke, subjectOf } from "./revocations.ts";
import type { UserTable } from "./tables.ts";

export type User = UserTable;
export type UserChange = Partial<
  Pick<User, "name" | "enabled" | "description" | "default_project_id" | "options" | "extra">
>;

export interface UserFilter {
  readonly domain_id?: string;
  readonly name?: string;
  readonly ids?: readonly string[];
}

export async function listUsers(tx: Tx, filter: UserFilter = {}): Promise<User[]> {
  let query = tx.selectFrom("users").selectAll();
  if (filter.domain_id !== undefined) query = query.where("domain_id", "=", filter.domain_id);
  if (filter.name !== undefined) query = query.where("name", "=", filter.name);
  if (filter.ids !== undefined) query = query.where("id", "in", filter.ids);
  return query.orderBy("name").execute();
}

export async function findUser(tx: Tx, id: string): Promise<User | null> {
  return (await tx.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst()) ?? null;
}

export async function getUser(tx: Tx, id: string): Promise<User> {
  const user = await findUser(tx, id);
  if (user === null) throw errors.notFound("user", id);
  return user;
}

export async function passwordHashOf(tx: Tx, userId: string): Promise<string | null> {
  const row = await tx
    .selectFrom("passwords")
    .select("hash")
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return row?.hash ?? null;
}

export async function createUser(
  tx: Tx,
  user: { readonly name: string; readonly domain_id: string } & UserChange,
  passwordHash: string | null,
): Promise<User> {
  await getDomain(tx, user.domain_id);
  const row = await tx
    .insertInto("users")
    .values({
      enabled: 1,
      description: null,
      default_project_id: null,
      options: "{}",
      extra: "{}",
      ...user,
      id: hexId(newId(tx)),
      created_at: now(tx),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw nameTaken(user.name, user.domain_id);
  if (passwordHash !== null) await writePassword(tx, row.id, passwordHash);
  return row;
}

export async function updateUser(tx: Tx, id: string, change: UserChange): Promise<User> {
  const before = await getUser(tx, id);
  const filter = { domain_id: before.domain_id, name: change.name ?? before.name };
  const [namesake] = await listUsers(tx, filter);
  if (namesake !== undefined && namesake.id !== id) throw nameTaken(namesake.name, before.domain_id);
  const row = await tx
    .updateTable("users")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (before.enabled === 1 && row.enabled === 0) await revoke(tx, [subjectOf.user(id)]);
  return row;
}

/** Sets a new password and ends every token that the old one opened. */
export async function setPassword(tx: Tx, userId: string, hash: string): Promise<void> {
  await writePassword(tx, userId, hash);
  await revoke(tx, [subjectOf.user(userId)]);
}

export async function deleteUser(tx: Tx, id: string): Promise<void> {
  await getUser(tx, id);
  await tx.deleteFrom("assignments").where("actor_id", "=", id).execute();
  await tx.deleteFrom("group_members").where("user_id", "=", id).execute();
  await tx.deleteFrom("application_credentials").where("user_id", "=", id).execute();
  await tx.deleteFrom("passwords").where("user_id", "=", id).execute();
  await tx.deleteFrom("users").where("id", "=", id).execute();
  await revoke(tx, [subjectOf.user(id)]);
}

async function writePassword(tx: Tx, user_id: string, hash: string): Promise<void> {
  const created_at = now(tx);
  await tx
    .insertInto("passwords")
    .values({ user_id, hash, created_at })
    .onConflict((conflict) => conflict.column("user_id").doUpdateSet({ hash, created_at }))
    .execute();
}

function nameTaken(name: string, domainId: string) {
  return errors.duplicate("user", `Duplicate entry found with name ${name} at domain ID ${domainId}`);
}
