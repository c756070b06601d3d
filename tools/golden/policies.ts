// The page of the policy tables: for each rule, who may. Rules that are functions are asked for each caller.
import type { CloudReference } from "@micronova/cloud";
import { type ApiContext, allows, type Rule } from "@micronova/http";
import { code, page, table } from "./markdown.ts";

const nobody: ApiContext = {
  requestId: "req-0",
  userId: "u",
  projectId: "p",
  roles: [],
  isAdmin: false,
  userName: "u",
  userDomainId: "default",
  projectName: "p",
  projectDomainId: "default",
  domainId: null,
  isSystem: false,
  token: null,
};
const system = { projectId: null, projectName: null, projectDomainId: null, isSystem: true };

/** Whom rules tell apart, from the least to the most. */
const callers: readonly (readonly [string, ApiContext])[] = [
  ["reader", { ...nobody, roles: ["reader"] }],
  ["member", { ...nobody, roles: ["member", "reader"] }],
  ["service", { ...nobody, roles: ["service"] }],
  ["reader of the system", { ...nobody, ...system, roles: ["reader"] }],
  ["admin", { ...nobody, roles: ["admin", "member", "reader"], isAdmin: true }],
];

export function policiesPage({ services }: CloudReference): string {
  const sections = Object.values(services)
    // Lists of versions are services of their own, with the rules of the service they lead to.
    .filter(({ name }) => !name.endsWith("-versions"))
    .flatMap(({ name, policies }) => [
      `## ${name}`,
      table(
        ["Rule", "Who may"],
        Object.entries(policies).map(([rule, who]) => [code(rule), whoMay(who)]),
      ),
    ]);
  return page(
    "Policies",
    "A role on the token's project; each of admin, manager, member and reader implies the next. What is the caller's own (a user's " +
      "password, an image shared with a project) is decided by the handler besides.",
    ...sections,
  );
}

export function whoMay(rule: Rule): string {
  if (rule === "anyone") return "anyone with a token";
  if (typeof rule === "string") return rule;
  const allowed = callers.filter(([, context]) => allows(rule, context)).map(([name]) => name);
  return allowed.length === 0 ? "nobody" : allowed.join(", ");
}
