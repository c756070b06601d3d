// Placement as an HTTP service, mounted under `/placement`.
import { type Authenticator, type HttpService, placementDialect, service } from "@micronova/http";
import * as aggregates from "./api/aggregates.ts";
import * as candidates from "./api/allocation-candidates.ts";
import {
  deleteAllocations,
  listProviderAllocations,
  manageAllocations,
  showAllocations,
  updateAllocations,
} from "./api/allocations.ts";
import {
  createInventory,
  deleteInventories,
  deleteInventory,
  listInventories,
  showInventory,
  showUsages,
  updateInventories,
  updateInventory,
} from "./api/inventories.ts";
import * as reshaper from "./api/reshaper.ts";
import * as classes from "./api/resource-classes.ts";
import * as providers from "./api/resource-providers.ts";
import * as root from "./api/root.ts";
import * as traits from "./api/traits.ts";
import * as usages from "./api/usages.ts";
import type { PlacementDeps } from "./deps.ts";
import { placementPolicies } from "./policies.ts";
import { placementHistory } from "./versions.ts";

export function placementService(
  deps: PlacementDeps & { readonly authenticator: Authenticator },
): HttpService {
  return service<PlacementDeps>({
    name: "placement",
    routes: [
      ...[root, providers, aggregates, traits, classes, usages, candidates, reshaper].flatMap((routes) =>
        Object.values(routes),
      ),
      listInventories,
      updateInventories,
      deleteInventories,
      createInventory,
      showInventory,
      updateInventory,
      deleteInventory,
      showUsages,
      showAllocations,
      updateAllocations,
      manageAllocations,
      deleteAllocations,
      listProviderAllocations,
    ],
    deps,
    policies: placementPolicies,
    dialect: placementDialect,
    authenticator: deps.authenticator,
    history: placementHistory,
  });
}
