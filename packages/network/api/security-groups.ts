// /v2.0/security-groups and /v2.0/security-group-rules
import { type ApiContext, routesOf, Type } from "@micronova/http";
import type { Tx } from "@micronova/store";
import type { NetworkDeps } from "../deps.ts";
import { createRule, getRule, removeRule, visibleRules } from "../security-group-rules.ts";
import {
  createGroup,
  ensureDefaultGroup,
  getGroup,
  removeGroup,
  updateGroup,
  visibleGroups,
} from "../security-groups.ts";
import type { SecurityGroup } from "../tables.ts";
import {
  checkRevision,
  flagOf,
  given,
  idText,
  optionalBoolean,
  optionalText,
  projectOf,
  projectProperties,
} from "./common.ts";
import { type Item, listOf, shown } from "./listing.ts";
import { groupView, ruleView } from "./views.ts";

const route = routesOf<NetworkDeps>();
const groups = "/v2.0/security-groups";
const rules = "/v2.0/security-group-rules";

const groupProperties = { name: optionalText, description: optionalText, stateful: optionalBoolean };
const textOrNull = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
const numberOrNull = Type.Optional(Type.Union([Type.Integer(), Type.Null()]));

const listGroups = route({
  method: "GET",
  path: groups,
  policy: "get_security_group",
  success: 200,
  summary: "Lists security groups; the project's default one is made when it is not there.",
  async handle(request, { store }) {
    const { context } = request;
    if (context.projectId !== null) await haveDefault({ store }, context.projectId);
    const rows = await visibleGroups(store.read, context).execute();
    return listOf(request, "security_groups", await viewsOf(store.read, rows));
  },
});

const showGroup = route({
  method: "GET",
  path: `${groups}/:group_id`,
  policy: "get_security_group",
  success: 200,
  summary: "Shows a security group with its rules.",
  async handle(request, { store }) {
    const group = await getGroup(store.read, request.context, request.params["group_id"]!);
    return shown(request, "security_group", (await viewsOf(store.read, [group]))[0]!);
  },
});

const createGroupRoute = route({
  method: "POST",
  path: groups,
  policy: "create_security_group",
  body: Type.Object({
    security_group: Type.Object(
      { ...groupProperties, ...projectProperties },
      { additionalProperties: false },
    ),
  }),
  success: 201,
  summary: "Makes a security group that lets everything out and nothing in.",
  async handle({ context, body }, { store }) {
    const { name, description, stateful, ...projectNames } = body.security_group;
    const project_id = projectOf(context, projectNames);
    return store.transaction(async (tx) => {
      const group = await createGroup(tx, { project_id, ...given({ name, description, stateful }) });
      return { security_group: (await viewsOf(tx, [group]))[0] };
    });
  },
});

const updateGroupRoute = route({
  method: "PUT",
  path: `${groups}/:group_id`,
  policy: "update_security_group",
  body: Type.Object({ security_group: Type.Object(groupProperties, { additionalProperties: false }) }),
  success: 200,
  summary: "Changes a security group's name or description.",
  async handle({ context, params, body, headers }, { store }) {
    return store.transaction(async (tx) => {
      const before = await getGroup(tx, context, params["group_id"]!);
      checkRevision(headers, before);
      const { name, description, stateful } = body.security_group;
      const group = await updateGroup(tx, before, given({ name, description, stateful: flagOf(stateful) }));
      return { security_group: (await viewsOf(tx, [group]))[0] };
    });
  },
});

const removeGroupRoute = route({
  method: "DELETE",
  path: `${groups}/:group_id`,
  policy: "delete_security_group",
  success: 204,
  summary: "Removes a security group that no port uses.",
  async handle({ context, params, headers }, { store }) {
    await store.transaction(async (tx) => {
      const group = await getGroup(tx, context, params["group_id"]!);
      checkRevision(headers, group);
      await removeGroup(tx, context, group);
    });
  },
});

const listRules = route({
  method: "GET",
  path: rules,
  policy: "get_security_group_rule",
  success: 200,
  summary: "Lists the rules of the project's security groups.",
  async handle(request, { store }) {
    const { context } = request;
    if (context.projectId !== null) await haveDefault({ store }, context.projectId);
    const defaults = await defaultGroupIds(store.read, context);
    const rows = await visibleRules(store.read, context).execute();
    const views = rows.map((rule) => ruleView(rule, defaults.has(rule.security_group_id)));
    return listOf(request, "security_group_rules", views);
  },
});

const showRule = route({
  method: "GET",
  path: `${rules}/:rule_id`,
  policy: "get_security_group_rule",
  success: 200,
  summary: "Shows a rule.",
  async handle(request, { store }) {
    const rule = await getRule(store.read, request.context, request.params["rule_id"]!);
    const defaults = await defaultGroupIds(store.read, request.context);
    return shown(request, "security_group_rule", ruleView(rule, defaults.has(rule.security_group_id)));
  },
});

const createRuleRoute = route({
  method: "POST",
  path: rules,
  policy: "create_security_group_rule",
  body: Type.Object({
    security_group_rule: Type.Object(
      {
        ...projectProperties,
        security_group_id: idText,
        direction: Type.Union([Type.Literal("ingress"), Type.Literal("egress")]),
        ethertype: Type.Optional(Type.Union([Type.Literal("IPv4"), Type.Literal("IPv6")])),
        protocol: Type.Optional(Type.Union([Type.String({ maxLength: 32 }), Type.Integer(), Type.Null()])),
        port_range_min: numberOrNull,
        port_range_max: numberOrNull,
        remote_ip_prefix: textOrNull,
        remote_group_id: textOrNull,
        remote_address_group_id: Type.Optional(Type.Null()),
        description: optionalText,
      },
      { additionalProperties: false },
    ),
  }),
  success: 201,
  summary: "Adds a rule to a security group; hosts hear of it at once.",
  async handle({ context, body }, { store }) {
    const {
      tenant_id: _tenant,
      project_id: _project,
      remote_address_group_id: _none,
      ...wanted
    } = body.security_group_rule;
    return store.transaction(async (tx) => {
      const group = await getGroup(tx, context, wanted.security_group_id);
      if (wanted.remote_group_id) await getGroup(tx, context, wanted.remote_group_id);
      const protocol = wanted.protocol == null ? null : String(wanted.protocol);
      const rule = await createRule(tx, { ...wanted, protocol, project_id: group.project_id });
      return { security_group_rule: ruleView(rule, group.is_default === 1) };
    });
  },
});

const removeRuleRoute = route({
  method: "DELETE",
  path: `${rules}/:rule_id`,
  policy: "delete_security_group_rule",
  success: 204,
  summary: "Removes a rule; connections that it let in go on until they end.",
  async handle({ context, params }, { store }) {
    await store.transaction(async (tx) => {
      const rule = await getRule(tx, context, params["rule_id"]!);
      await removeRule(tx, rule.id);
    });
  },
});

export const securityGroupRoutes = [
  listGroups,
  showGroup,
  createGroupRoute,
  updateGroupRoute,
  removeGroupRoute,
  listRules,
  showRule,
  createRuleRoute,
  removeRuleRoute,
];

/** Looks before it writes: lists are asked for often, the group is made once. */
async function haveDefault({ store }: Pick<NetworkDeps, "store">, projectId: string): Promise<void> {
  const known = await store.read
    .selectFrom("security_groups")
    .select("id")
    .where("project_id", "=", projectId)
    .where("is_default", "=", 1)
    .executeTakeFirst();
  if (known === undefined) await store.transaction((tx) => ensureDefaultGroup(tx, projectId));
}

async function viewsOf(tx: Tx, rows: readonly SecurityGroup[]): Promise<readonly Item[]> {
  if (rows.length === 0) return [];
  const all = await tx
    .selectFrom("security_group_rules")
    .selectAll()
    .where(
      "security_group_id",
      "in",
      rows.map(({ id }) => id),
    )
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const byGroup = Map.groupBy(all, ({ security_group_id }) => security_group_id);
  return rows.map((group) => groupView(group, byGroup.get(group.id) ?? []));
}

async function defaultGroupIds(tx: Tx, context: ApiContext): Promise<ReadonlySet<string>> {
  const rows = await visibleGroups(tx, context).where("is_default", "=", 1).execute();
  return new Set(rows.map(({ id }) => id));
}
