// Who may do what with networks, by the names of Neutron's own rules.
import type { Policies, Rule } from "@micronova/http";

const ownedResources = [
  "network",
  "subnet",
  "port",
  "router",
  "security_group",
  "security_group_rule",
  "floatingip",
] as const;

const verbs: Readonly<Record<string, Rule>> = {
  get: "reader",
  create: "member",
  update: "member",
  delete: "member",
};

const owned = ownedResources.flatMap((resource) =>
  Object.entries(verbs).map(([verb, rule]) => [`${verb}_${resource}`, rule] as const),
);

export const networkPolicies: Policies = {
  ...Object.fromEntries(owned),
  add_router_interface: "member",
  remove_router_interface: "member",
  get_tags: "reader",
  update_tags: "member",
  get_extension: "anyone",
  get_availability_zone: "reader",
  get_quota: "reader",
  update_quota: "admin",
  get_agent: "admin",
  update_agent: "admin",
  delete_agent: "admin",
  get_network_ip_availability: "admin",
};
