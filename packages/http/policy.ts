// Policy: who may do what, as one table a service. Rules are roles on the token's scope, or a function of the
// context.
import type { ApiContext } from "./routes.ts";

/**
 * Who may: `anyone` with a token, a role on the project (each implies the next: admin, member, reader), or an
 * administrator.
 */
export type Rule = "anyone" | "reader" | "member" | "admin" | ((context: ApiContext) => boolean);
export type Policies = Readonly<Record<string, Rule>>;

const rolesFor: Readonly<Record<"reader" | "member", readonly string[]>> = {
  reader: ["reader", "member", "manager", "admin"],
  member: ["member", "manager", "admin"],
};

export function allows(rule: Rule, context: ApiContext): boolean {
  if (typeof rule === "function") return rule(context);
  if (rule === "anyone" || context.isAdmin) return true;
  if (rule === "admin") return false;
  const roles = rolesFor[rule];
  return context.roles.some((role) => roles.includes(role));
}

/** Whether the service's table allows the named rule. A name the table lacks is a mistake of ours. */
export function may(policies: Policies, name: string, context: ApiContext): boolean {
  const rule = policies[name];
  if (rule === undefined) throw new Error(`Policy rule ${name} is in no table.`);
  return allows(rule, context);
}
