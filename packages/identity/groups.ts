// Groups: roles granted to one hold for its members. Leaving one may take roles away, so it ends the user's
// tokens.
import { hexId } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { getDomain } from "./domains.ts";
import { errors } from "./errors.ts";
import { revoke, subjectOf } from "./revocations.ts";
import type { GroupTable } from "./tables.ts";
import { getUser, listUsers, type User } from "./users.ts";

export type Group = GroupTable;
export type GroupChange = Partial<Pick<Group, "name" | "description">>;

export async function listGroups(
  tx: Tx,
  filter: { readonly domain_id?: string; readonly name?: string } = {},
) {
  let query = tx.selectFrom("groups").selectAll();
  if (filter.domain_id !== undefined) query = query.where("domain_id", "=", filter.domain_id);
  if (filter.name !== undefined) query = query.where("name", "=", filter.name);
  return query.orderBy("name").execute();
}

export async function getGroup(tx: Tx, id: string): Promise<Group> {
  const group = await tx.selectFrom("groups").selectAll().where("id", "=", id).executeTakeFirst();
  if (group === undefined) throw errors.notFound("group", id);
  return group;
}

export async function createGroup(
  tx: Tx,
  group: { readonly name: string; readonly domain_id: string } & GroupChange,
): Promise<Group> {
  await getDomain(tx, group.domain_id);
  const row = await tx
    .insertInto("groups")
    .values({ description: "", ...group, id: hexId(newId(tx)), created_at: now(tx) })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw nameTaken(group.name, group.domain_id);
  return row;
}

export async function updateGroup(tx: Tx, id: string, change: GroupChange): Promise<Group> {
  const before = await getGroup(tx, id);
  const filter = { domain_id: before.domain_id, name: change.name ?? before.name };
  const [namesake] = await listGroups(tx, filter);
  if (namesake !== undefined && namesake.id !== id) throw nameTaken(namesake.name, before.domain_id);
  return tx
    .updateTable("groups")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteGroup(tx: Tx, id: string): Promise<void> {
  await getGroup(tx, id);
  const members = await memberIds(tx, id);
  await tx.deleteFrom("assignments").where("actor_id", "=", id).execute();
  await tx.deleteFrom("group_members").where("group_id", "=", id).execute();
  await tx.deleteFrom("groups").where("id", "=", id).execute();
  await revoke(tx, members.map(subjectOf.user));
}

export async function memberIds(tx: Tx, groupId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("group_members")
    .select("user_id")
    .where("group_id", "=", groupId)
    .execute();
  return rows.map((row) => row.user_id);
}

export async function listMembers(tx: Tx, groupId: string): Promise<User[]> {
  await getGroup(tx, groupId);
  return listUsers(tx, { ids: await memberIds(tx, groupId) });
}

export async function listGroupsOfUser(tx: Tx, userId: string): Promise<Group[]> {
  await getUser(tx, userId);
  return tx
    .selectFrom("groups")
    .selectAll("groups")
    .innerJoin("group_members", "group_members.group_id", "groups.id")
    .where("group_members.user_id", "=", userId)
    .orderBy("groups.name")
    .execute();
}

export async function addMember(tx: Tx, groupId: string, userId: string): Promise<void> {
  await getGroup(tx, groupId);
  await getUser(tx, userId);
  await tx
    .insertInto("group_members")
    .values({ group_id: groupId, user_id: userId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function checkMember(tx: Tx, groupId: string, userId: string): Promise<void> {
  await getGroup(tx, groupId);
  await getUser(tx, userId);
  if (!(await memberIds(tx, groupId)).includes(userId)) throw errors.notMember(userId, groupId);
}

export async function removeMember(tx: Tx, groupId: string, userId: string): Promise<void> {
  await checkMember(tx, groupId, userId);
  await tx
    .deleteFrom("group_members")
    .where("group_id", "=", groupId)
    .where("user_id", "=", userId)
    .execute();
  await revoke(tx, [subjectOf.user(userId)]);
}

function nameTaken(name: string, domainId: string) {
  return errors.duplicate("group", `Duplicate entry found with name ${name} at domain ID ${domainId}`);
}
