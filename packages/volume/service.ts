// The service as clients see it: all routes of block storage, and the list of its versions one level above.
import { type HttpService, novaDialect, service } from "@micronova/http";
import { attachmentRoutes } from "./api/attachments.ts";
import { backupRoutes } from "./api/backups.ts";
import { discoveryRoutes, rootRoute } from "./api/discovery.ts";
import { messageRoutes } from "./api/messages.ts";
import { quotaRoutes } from "./api/quotas.ts";
import { serviceRoutes } from "./api/services.ts";
import { snapshotRoutes } from "./api/snapshots.ts";
import { typeExtraSpecRoutes } from "./api/type-extra-specs.ts";
import { typeRoutes } from "./api/types.ts";
import { volumeActionRoutes } from "./api/volume-actions.ts";
import { volumeMetadataRoutes } from "./api/volume-metadata.ts";
import { volumeRoutes } from "./api/volumes.ts";
import type { VolumeDeps } from "./deps.ts";
import { volumePolicies } from "./policies.ts";
import { volumeHistory } from "./versions.ts";

/** Mounted at `/volume/v3`. */
export function volumeService(deps: VolumeDeps): HttpService {
  return service({
    name: "volume",
    routes: [
      ...discoveryRoutes,
      ...volumeRoutes,
      ...volumeActionRoutes,
      ...volumeMetadataRoutes,
      ...attachmentRoutes,
      ...typeRoutes,
      ...typeExtraSpecRoutes,
      ...quotaRoutes,
      ...serviceRoutes,
      ...messageRoutes,
      ...snapshotRoutes,
      ...backupRoutes,
    ],
    deps,
    policies: volumePolicies,
    dialect: novaDialect,
    authenticator: deps.authenticator,
    history: volumeHistory,
    projectInPath: true,
  });
}

/** Mounted at `/volume`: only the list of versions. */
export function volumeVersionsService(deps: VolumeDeps): HttpService {
  return service({
    name: "volume-versions",
    routes: [rootRoute],
    deps,
    policies: volumePolicies,
    dialect: novaDialect,
    authenticator: deps.authenticator,
  });
}
