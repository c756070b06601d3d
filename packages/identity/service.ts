// Identity as a service: its routes with what they need.
import { type AnyRoute, type HttpService, keystoneDialect, service } from "@micronova/http";
import { applicationCredentialRoutes } from "./api/application-credentials.ts";
import { authRoutes } from "./api/auth.ts";
import { domainRoutes } from "./api/domains.ts";
import { endpointRoutes } from "./api/endpoints.ts";
import { grantRoutes } from "./api/grants.ts";
import { groupRoutes } from "./api/groups.ts";
import { projectRoutes } from "./api/projects.ts";
import { regionRoutes } from "./api/regions.ts";
import { roleAssignmentRoutes } from "./api/role-assignments.ts";
import { roleRoutes } from "./api/roles.ts";
import { serviceRoutes } from "./api/services.ts";
import { userRoutes } from "./api/users.ts";
import { versionRoutes } from "./api/versions.ts";
import type { IdentityDeps } from "./deps.ts";
import { type LockoutRule, lockout } from "./lockout.ts";
import { passwordHasher } from "./passwords.ts";
import { identityPolicies } from "./policies.ts";

const routes: readonly AnyRoute<IdentityDeps>[] = [
  ...versionRoutes,
  ...authRoutes,
  ...domainRoutes,
  ...projectRoutes,
  ...userRoutes,
  ...groupRoutes,
  ...roleRoutes,
  ...grantRoutes,
  ...roleAssignmentRoutes,
  ...serviceRoutes,
  ...endpointRoutes,
  ...regionRoutes,
  ...applicationCredentialRoutes,
];

/** Keystone's API version 3, to be served under `/identity`. */
export function identityService(
  given: Pick<IdentityDeps, "platform" | "store" | "endpoints" | "tokens"> & {
    /** Null or absent: nobody is locked out. */
    readonly lockoutRule?: LockoutRule | null;
  },
): HttpService {
  const { platform, store, tokens } = given;
  const deps: IdentityDeps = {
    ...given,
    passwords: passwordHasher(platform.random),
    lockout: lockout(platform.clock, given.lockoutRule ?? null),
    async change(work) {
      const result = await store.transaction(work);
      await tokens.refresh();
      return result;
    },
  };
  return service({
    name: "identity",
    routes,
    deps,
    policies: identityPolicies,
    dialect: keystoneDialect,
    authenticator: tokens,
  });
}
