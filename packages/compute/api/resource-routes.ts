// All routes of what surrounds servers, in one list for the service.
import type { AnyRoute } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { aggregateRoutes } from "./aggregates.ts";
import { availabilityZoneRoutes } from "./availability-zones.ts";
import { extensionRoutes } from "./extensions.ts";
import { flavorExtraRoutes } from "./flavor-extras.ts";
import { flavorRoutes } from "./flavors.ts";
import { hypervisorRoutes } from "./hypervisors.ts";
import { keypairRoutes } from "./keypairs.ts";
import { limitRoutes } from "./limits.ts";
import { quotaSetRoutes } from "./quota-sets.ts";
import { remoteConsoleRoutes } from "./remote-consoles.ts";
import { securityGroupRoutes } from "./security-groups.ts";
import { serverGroupRoutes } from "./server-groups.ts";
import { serviceRoutes } from "./services.ts";
import { tenantUsageRoutes } from "./tenant-usage.ts";
import { versionRoutes } from "./versions.ts";

export const resourceRoutes: readonly AnyRoute<ComputeDeps>[] = [
  ...versionRoutes,
  ...extensionRoutes,
  ...flavorRoutes,
  ...flavorExtraRoutes,
  ...keypairRoutes,
  ...quotaSetRoutes,
  ...limitRoutes,
  ...availabilityZoneRoutes,
  ...serviceRoutes,
  ...hypervisorRoutes,
  ...aggregateRoutes,
  ...serverGroupRoutes,
  ...securityGroupRoutes,
  ...remoteConsoleRoutes,
  ...tenantUsageRoutes,
];
