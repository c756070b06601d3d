// Who may do what, by Keystone's names. `admin` is the role in any scope; an auditor reads with the system's
// scope.
import type { ApiContext, ApiRequest, Policies, Rule } from "@micronova/http";

const auditor: Rule = (context) => context.isAdmin || (context.isSystem && context.roles.includes("reader"));
/** Also other services, which check the tokens they are shown. */
const checker: Rule = (context) => context.isAdmin || context.roles.includes("service") || isAuditor(context);

const nouns = {
  list: ["domains", "projects", "users", "groups", "roles", "services", "endpoints", "role_assignments"],
  one: ["domain", "project", "user", "group", "role", "service", "endpoint", "region"],
} as const;

/**
 * Rules that depend on whose the thing is are asked only for what is not the caller's own: see `unlessOwn`.
 */
export const identityPolicies: Policies = {
  "identity:authenticated": "anyone",
  ...Object.fromEntries(nouns.list.map((noun) => [`identity:list_${noun}`, auditor])),
  ...Object.fromEntries(
    nouns.one.flatMap((noun) => [
      [`identity:get_${noun}`, auditor],
      [`identity:create_${noun}`, "admin" as const],
      [`identity:update_${noun}`, "admin" as const],
      [`identity:delete_${noun}`, "admin" as const],
    ]),
  ),
  "identity:update_project_tags": "admin",
  "identity:list_groups_for_user": auditor,
  "identity:list_user_projects": auditor,
  "identity:list_users_in_group": auditor,
  "identity:check_user_in_group": auditor,
  "identity:add_user_to_group": "admin",
  "identity:remove_user_from_group": "admin",
  "identity:list_implied_roles": auditor,
  "identity:create_implied_role": "admin",
  "identity:delete_implied_role": "admin",
  "identity:list_grants": auditor,
  "identity:check_grant": auditor,
  "identity:create_grant": "admin",
  "identity:revoke_grant": "admin",
  "identity:validate_token": checker,
  "identity:revoke_token": "admin",
  "identity:list_application_credentials": auditor,
  "identity:get_application_credential": auditor,
  "identity:create_application_credential": () => false,
  "identity:delete_application_credential": "admin",
};

/** Asks the policy table unless the thing is the caller's own. */
export function unlessOwn(
  request: Pick<ApiRequest<unknown, unknown>, "context" | "demand">,
  own: { readonly userId?: string; readonly projectId?: string },
  rule: string,
): void {
  const { userId, projectId } = request.context;
  const isOwn =
    (own.userId !== undefined && own.userId === userId) ||
    (own.projectId !== undefined && own.projectId === projectId);
  if (!isOwn) request.demand(rule);
}

function isAuditor(context: ApiContext): boolean {
  return context.isSystem && context.roles.includes("reader");
}
