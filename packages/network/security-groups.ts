// Security groups and their rules. A project's default group is made when it is first needed.
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, sql, type Tx } from "@micronova/store";
import { rulesChanged } from "./agents.ts";
import { errors } from "./errors.ts";
import { checkQuota } from "./quotas.ts";
import { insertRule, type NewRule } from "./security-group-rules.ts";
import { flag, newRow, type StandardWish } from "./standard.ts";
import type { SecurityGroup } from "./tables.ts";

export interface NewSecurityGroup extends StandardWish {
  readonly stateful?: boolean;
}

const ethertypes = ["IPv4", "IPv6"] as const;

export async function createGroup(tx: Tx, wanted: NewSecurityGroup): Promise<SecurityGroup> {
  if (wanted.name === "default") throw errors.defaultGroupExists();
  await ensureDefaultGroup(tx, wanted.project_id);
  const group = await tx
    .insertInto("security_groups")
    .values({ ...newRow(tx, wanted), stateful: flag(wanted.stateful ?? true), is_default: 0 })
    .returningAll()
    .executeTakeFirstOrThrow();
  for (const ethertype of ethertypes) await addInitialRule(tx, group, { direction: "egress", ethertype });
  await checkQuota(tx, wanted.project_id, "security_group");
  return group;
}

/** Lets everything out, and in what comes from members of the group. */
export async function ensureDefaultGroup(tx: Tx, projectId: string): Promise<Uuid> {
  const known = await tx
    .selectFrom("security_groups")
    .select("id")
    .where("project_id", "=", projectId)
    .where("is_default", "=", 1)
    .executeTakeFirst();
  if (known !== undefined) return known.id;
  const wish = { project_id: projectId, name: "default", description: "Default security group" };
  const made = await tx
    .insertInto("security_groups")
    .values({ ...newRow(tx, wish), stateful: 1, is_default: 1 })
    // Written out: an index's condition matches no parameter.
    // Written out, since a partial index is only found by its own words.
    .onConflict((conflict) => conflict.column("project_id").where("is_default", "=", sql.lit(1)).doNothing())
    .returningAll()
    .executeTakeFirst();
  // Made meanwhile by another transaction.
  if (made === undefined) return ensureDefaultGroup(tx, projectId);
  for (const ethertype of ethertypes) {
    await addInitialRule(tx, made, { direction: "ingress", ethertype, remote_group_id: made.id });
    await addInitialRule(tx, made, { direction: "egress", ethertype });
  }
  return made.id;
}

/** Not counted against quotas: the user did not ask for it. */
async function addInitialRule(
  tx: Tx,
  group: SecurityGroup,
  rule: Pick<NewRule, "direction" | "ethertype" | "remote_group_id">,
): Promise<void> {
  await insertRule(tx, { ...rule, security_group_id: group.id, project_id: group.project_id });
}

export function visibleGroups(tx: Tx, context: RequestContext) {
  const all = tx.selectFrom("security_groups").selectAll().orderBy("created_at").orderBy("id");
  return context.isAdmin ? all : all.where("project_id", "=", context.projectId ?? "");
}

export async function getGroup(tx: Tx, context: RequestContext, id: Uuid): Promise<SecurityGroup> {
  const group = await visibleGroups(tx, context).where("id", "=", id).executeTakeFirst();
  if (group === undefined) throw errors.groupNotFound(id);
  return group;
}

export async function updateGroup(
  tx: Tx,
  group: SecurityGroup,
  change: { readonly name?: string; readonly description?: string; readonly stateful?: number },
): Promise<SecurityGroup> {
  if (group.is_default === 1 && change.name !== undefined && change.name !== group.name) {
    throw errors.defaultGroupKeepsName();
  }
  return tx
    .updateTable("security_groups")
    .set((set) => ({ ...change, updated_at: now(tx), revision_number: set("revision_number", "+", 1) }))
    .where("id", "=", group.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function removeGroup(tx: Tx, context: RequestContext, group: SecurityGroup): Promise<void> {
  if (group.is_default === 1 && !context.isAdmin) throw errors.defaultGroupStays();
  const used = await tx
    .selectFrom("port_security_groups")
    .select("port_id")
    .where("security_group_id", "=", group.id)
    .executeTakeFirst();
  if (used !== undefined) throw errors.groupInUse(group.id);
  await tx.deleteFrom("security_group_rules").where("security_group_id", "=", group.id).execute();
  // Rules of other groups that named this one go with it, as in Neutron.
  await tx.deleteFrom("security_group_rules").where("remote_group_id", "=", group.id).execute();
  await tx.deleteFrom("security_groups").where("id", "=", group.id).execute();
  await rulesChanged(tx);
}

/** Ids or names of the caller's groups to ids; a name that two groups have is refused. */
export async function resolveGroups(
  tx: Tx,
  projectId: string,
  named: readonly string[],
): Promise<readonly Uuid[]> {
  const ids: Uuid[] = [];
  for (const name of new Set(named)) {
    if (name === "default") {
      ids.push(await ensureDefaultGroup(tx, projectId));
      continue;
    }
    const found = await tx
      .selectFrom("security_groups")
      .select("id")
      .where("project_id", "=", projectId)
      .where((is) => is.or([is("id", "=", name), is("name", "=", name)]))
      .execute();
    if (found.length > 1)
      throw errors.badRequest(
        `Multiple security groups found matching '${name}'. Use an ID to be more specific.`,
      );
    if (found.length === 0) throw errors.groupNotFound(name);
    ids.push(found[0]!.id);
  }
  return ids;
}

/** One of the project's groups, by id or name. */
export async function namedGroup(tx: Tx, projectId: string, name: string): Promise<SecurityGroup> {
  const [id] = await resolveGroups(tx, projectId, [name]);
  const group = await tx.selectFrom("security_groups").selectAll().where("id", "=", id!).executeTakeFirst();
  if (group === undefined) throw errors.groupNotFound(name);
  return group;
}

/** The groups that any of the ports is in. */
export function groupsOfPorts(tx: Tx, portIds: readonly Uuid[]): Promise<SecurityGroup[]> {
  const members = tx.selectFrom("port_security_groups").select("security_group_id");
  return tx
    .selectFrom("security_groups")
    .selectAll()
    .where("id", "in", members.where("port_id", "in", portIds))
    .orderBy("name")
    .orderBy("id")
    .execute();
}

export async function setGroups(tx: Tx, portId: Uuid, groupIds: readonly Uuid[]): Promise<void> {
  await tx.deleteFrom("port_security_groups").where("port_id", "=", portId).execute();
  for (const security_group_id of groupIds) {
    await tx.insertInto("port_security_groups").values({ port_id: portId, security_group_id }).execute();
  }
}
