// The project's security groups as Nova showed them before 2.36. Clients still find by it the group that a
// server shall join; groups are made and changed at the network.
import { routesOf, until } from "@micronova/http";
import { type SecurityGroup, type SecurityGroupRule, securityGroups } from "@micronova/network";
import type { ComputeDeps } from "../deps.ts";
import { resourceErrors } from "../errors-resources.ts";

const route = routesOf<ComputeDeps>();

export const securityGroupRoutes = [
  route({
    method: "GET",
    path: "/os-security-groups",
    ...until("2.35"),
    policy: "os_compute_api:os-security-groups:get",
    success: 200,
    summary: "Lists the project's security groups.",
    async handle({ context }, { store }) {
      const visible = securityGroups.visible(store.read, context);
      const groups = await visible.where("project_id", "=", context.projectId ?? "").execute();
      const rules = await securityGroups.rules(store.read, context).execute();
      return { security_groups: groups.map((group) => groupView(group, rules)) };
    },
  }),
  route({
    method: "GET",
    path: "/os-security-groups/:id",
    ...until("2.35"),
    policy: "os_compute_api:os-security-groups:show",
    success: 200,
    summary: "Shows a security group.",
    async handle({ context, params }, { store }) {
      const id = params["id"]!;
      const group = await securityGroups.visible(store.read, context).where("id", "=", id).executeTakeFirst();
      if (group === undefined) throw resourceErrors.securityGroupMissing(id);
      const rules = await securityGroups.rules(store.read, context).execute();
      return { security_group: groupView(group, rules) };
    },
  }),
];

/** Only what lets traffic in: Nova knew no rules for the other way. */
function groupView(group: SecurityGroup, all: readonly SecurityGroupRule[]) {
  const rules = all.filter((rule) => rule.security_group_id === group.id && rule.direction === "ingress");
  const { id, name, description, project_id: tenant_id } = group;
  return { id, name, description, tenant_id, rules: rules.map((rule) => ruleView(rule, group)) };
}

function ruleView(rule: SecurityGroupRule, group: SecurityGroup) {
  const isOwn = rule.remote_group_id === group.id;
  const anywhere = rule.ethertype === "IPv4" ? "0.0.0.0/0" : "::/0";
  return {
    id: rule.id,
    parent_group_id: rule.security_group_id,
    ip_protocol: rule.protocol,
    from_port: rule.port_range_min ?? -1,
    to_port: rule.port_range_max ?? -1,
    group: isOwn ? { name: group.name, tenant_id: group.project_id } : {},
    ip_range: rule.remote_group_id === null ? { cidr: rule.remote_ip_prefix ?? anywhere } : {},
  };
}
