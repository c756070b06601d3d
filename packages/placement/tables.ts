// Rows of the tables placement owns. Usage is no column: it is the sum of allocations, so it cannot drift.
import type { Millis } from "@micronova/kit";

export interface ResourceProviderTable {
  /** A host's provider has its compute node's id. */
  id: string;
  name: string;
  /** Raised by every write to what the provider has or has given away; writers say which one they saw. */
  generation: number;
  parent_id: string | null;
  root_id: string;
  created_at: Millis;
  updated_at: Millis;
}

export interface InventoryTable {
  provider_id: string;
  resource_class: string;
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
}

export interface ConsumerTable {
  /** A server's id. */
  id: string;
  project_id: string;
  user_id: string;
  consumer_type: string;
  generation: number;
  created_at: Millis;
  updated_at: Millis;
}

export interface AllocationTable {
  consumer_id: string;
  provider_id: string;
  resource_class: string;
  used: number;
}

/** Classes and traits beyond the standard ones. */
export interface CustomNameTable {
  name: string;
  created_at: Millis;
}

export interface ProviderTraitTable {
  provider_id: string;
  trait: string;
}

export interface ProviderAggregateTable {
  provider_id: string;
  aggregate_id: string;
}

declare module "@micronova/store" {
  interface Tables {
    resource_providers: ResourceProviderTable;
    inventories: InventoryTable;
    consumers: ConsumerTable;
    allocations: AllocationTable;
    resource_classes: CustomNameTable;
    traits: CustomNameTable;
    provider_traits: ProviderTraitTable;
    provider_aggregates: ProviderAggregateTable;
  }
}
