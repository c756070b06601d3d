// The service as clients see it: all routes of networks.
import { type HttpService, neutronDialect, service } from "@micronova/http";
import { agentRoutes } from "./api/agents.ts";
import { discoveryRoutes } from "./api/discovery.ts";
import { extensionRoutes } from "./api/extensions.ts";
import { floatingIpRoutes } from "./api/floating-ips.ts";
import { ipAvailabilityRoutes } from "./api/ip-availability.ts";
import { networkRoutes } from "./api/networks.ts";
import { portRoutes } from "./api/ports.ts";
import { quotaRoutes } from "./api/quotas.ts";
import { routerRoutes } from "./api/routers.ts";
import { securityGroupRoutes } from "./api/security-groups.ts";
import { subnetRoutes } from "./api/subnets.ts";
import { tagRoutesOfAll } from "./api/tags.ts";
import type { NetworkDeps } from "./deps.ts";
import { networkPolicies } from "./policies.ts";

/** Mounted at `/network`. */
export function networkService(deps: NetworkDeps): HttpService {
  return service({
    name: "network",
    routes: [
      ...discoveryRoutes,
      ...networkRoutes,
      ...subnetRoutes,
      ...portRoutes,
      ...securityGroupRoutes,
      ...routerRoutes,
      ...floatingIpRoutes,
      ...quotaRoutes,
      ...agentRoutes,
      ...extensionRoutes,
      ...ipAvailabilityRoutes,
      ...tagRoutesOfAll,
    ],
    deps,
    policies: networkPolicies,
    dialect: neutronDialect,
    authenticator: deps.authenticator,
  });
}
