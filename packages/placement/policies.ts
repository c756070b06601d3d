// Who may do what: administrators and other services; a project may see its own usage.
import type { Policies, Rule } from "@micronova/http";

const adminOrService: Rule = (context) => context.isAdmin || context.roles.includes("service");

const rules = [
  "resource_providers:list",
  "resource_providers:create",
  "resource_providers:show",
  "resource_providers:update",
  "resource_providers:delete",
  "resource_providers:aggregates:list",
  "resource_providers:aggregates:update",
  "resource_providers:allocations:list",
  "resource_providers:inventories:list",
  "resource_providers:inventories:create",
  "resource_providers:inventories:show",
  "resource_providers:inventories:update",
  "resource_providers:inventories:delete",
  "resource_providers:traits:list",
  "resource_providers:traits:update",
  "resource_providers:traits:delete",
  "resource_providers:usages",
  "resource_classes:list",
  "resource_classes:create",
  "resource_classes:show",
  "resource_classes:update",
  "resource_classes:delete",
  "traits:list",
  "traits:show",
  "traits:update",
  "traits:delete",
  "allocations:manage",
  "allocations:list",
  "allocations:update",
  "allocations:delete",
  "allocation_candidates:list",
  "reshaper:reshape",
  // Beyond upstream's table: the usage of a project that is not the token's.
  "usages:any",
];

export const placementPolicies: Policies = {
  ...Object.fromEntries(rules.map((rule) => [`placement:${rule}`, adminOrService])),
  "placement:usages": (context) => adminOrServiceOrReader(context),
};

function adminOrServiceOrReader(context: Parameters<Extract<Rule, (...args: never) => unknown>>[0]): boolean {
  const readers = ["reader", "member", "manager", "admin", "service"];
  return context.isAdmin || context.roles.some((role) => readers.includes(role));
}
