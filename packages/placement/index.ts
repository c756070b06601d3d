// Placement: who has what, who holds it, and the one way to claim it.
export {
  type Amounts,
  allocationsOn,
  type Claim,
  claim,
  rewriteAllocations,
  transfer,
  unclaim,
} from "./allocations.ts";
export { placementErrors } from "./errors.ts";
export { placementInvariants } from "./invariants.ts";
export { type Inventories, type Inventory, setInventories, type Usage, usages } from "./inventories.ts";
export { placementMigrations } from "./migrations.ts";
export { ensureProvider, removeProvider } from "./providers.ts";
export { placementService } from "./service.ts";
export type { ConsumerTable, InventoryTable, ResourceProviderTable } from "./tables.ts";
