// Server groups: servers that want to be on one host, or on different ones. Who is in a group stands in the
// servers' rows.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { resourceErrors as errors } from "./errors-resources.ts";
import { limitOf, usageOf } from "./quotas.ts";
import type { ServerGroup } from "./tables-resources.ts";

export interface ServerGroupWithMembers extends ServerGroup {
  readonly members: readonly Uuid[];
}

export async function listServerGroups(
  tx: Tx,
  projectId: string | null,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<ServerGroupWithMembers[]> {
  let query = tx.selectFrom("server_groups").selectAll();
  if (projectId !== null) query = query.where("project_id", "=", projectId);
  const rows = await query.orderBy("created_at").orderBy("id").limit(limit).offset(offset).execute();
  return withMembers(tx, rows);
}

/** The group, if it is the asker's project's. */
export async function findServerGroup(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
): Promise<ServerGroupWithMembers | null> {
  const row = await tx.selectFrom("server_groups").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined || (row.project_id !== context.projectId && !context.isAdmin)) return null;
  const [group] = await withMembers(tx, [row]);
  return group ?? null;
}

export async function getServerGroup(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
): Promise<ServerGroupWithMembers> {
  const group = await findServerGroup(tx, context, id);
  if (group === null) throw errors.serverGroupMissing(id);
  return group;
}

export async function createServerGroup(
  tx: Tx,
  context: RequestContext,
  wanted: { readonly name: string; readonly policy: string; readonly serversPerHostMax: number | null },
): Promise<ServerGroupWithMembers> {
  const { name, policy, serversPerHostMax } = wanted;
  if (serversPerHostMax !== null && policy !== "anti-affinity") throw errors.rulesNotForPolicy(policy);
  const owner = { projectId: context.projectId ?? "", userId: null };
  const limit = await limitOf(tx, owner, "server_groups");
  if (limit >= 0 && (await usageOf(tx, owner)).server_groups >= limit) throw errors.tooManyServerGroups();
  const row = await tx
    .insertInto("server_groups")
    .values({
      id: newId(tx),
      project_id: owner.projectId,
      user_id: context.userId ?? "",
      name,
      policy,
      rules: JSON.stringify(serversPerHostMax === null ? {} : { max_server_per_host: serversPerHostMax }),
      created_at: now(tx),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { ...row, members: [] };
}

export async function deleteServerGroup(tx: Tx, context: RequestContext, id: Uuid): Promise<void> {
  await getServerGroup(tx, context, id);
  await tx.deleteFrom("server_groups").where("id", "=", id).execute();
}

async function withMembers(tx: Tx, groups: readonly ServerGroup[]): Promise<ServerGroupWithMembers[]> {
  if (groups.length === 0) return [];
  const ids = groups.map((group) => group.id);
  const members = await tx
    .selectFrom("servers")
    .select(["id", "server_group_id"])
    .where("server_group_id", "in", ids)
    .where("deleted_at", "is", null)
    .orderBy("created_at")
    .execute();
  return groups.map((group) => ({
    ...group,
    members: members.filter((server) => server.server_group_id === group.id).map((server) => server.id),
  }));
}
