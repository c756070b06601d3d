// Compute's HTTP service: every route of the package, its policy, its history and its dialect.
import { type AnyRoute, type HttpService, novaDialect, service } from "@micronova/http";
import { instanceActionRoutes } from "./api/instance-actions.ts";
import { interfaceRoutes } from "./api/interfaces.ts";
import { migrationRoutes } from "./api/migrations.ts";
import { removedRoutes } from "./api/removed.ts";
import { resourceRoutes } from "./api/resource-routes.ts";
import { serverActionRoutes } from "./api/server-actions.ts";
import { serverAddressRoutes } from "./api/server-addresses.ts";
import { serverMetadataRoutes } from "./api/server-metadata.ts";
import { serverTagRoutes } from "./api/server-tags.ts";
import { serverRoutes } from "./api/servers.ts";
import { volumeAttachmentRoutes } from "./api/volume-attachments.ts";
import type { ComputeDeps } from "./deps.ts";
import { computePolicies } from "./policies.ts";
import { history } from "./versions.ts";

export const computeRoutes: readonly AnyRoute<ComputeDeps>[] = [
  ...serverRoutes,
  ...serverActionRoutes,
  ...serverMetadataRoutes,
  ...serverTagRoutes,
  ...serverAddressRoutes,
  ...volumeAttachmentRoutes,
  ...interfaceRoutes,
  ...instanceActionRoutes,
  ...migrationRoutes,
  ...removedRoutes,
  ...resourceRoutes,
];

export function computeService(deps: ComputeDeps): HttpService {
  return service({
    name: "compute",
    routes: computeRoutes,
    deps,
    policies: computePolicies,
    dialect: novaDialect,
    authenticator: deps.authenticator,
    history,
    projectInPath: true,
  });
}
