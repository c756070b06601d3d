// Placement's schema, in order.
import type { Migration } from "@micronova/store";

export const placementMigrations: Migration[] = [
  {
    id: "placement/0001-providers-and-allocations",
    sql: [
      `CREATE TABLE resource_providers (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        generation BIGINT NOT NULL, parent_id TEXT REFERENCES resource_providers (id), root_id TEXT NOT NULL,
        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`,
      "CREATE INDEX resource_providers_root ON resource_providers (root_id)",
      `CREATE TABLE inventories (provider_id TEXT NOT NULL, resource_class TEXT NOT NULL,
        total BIGINT NOT NULL, reserved BIGINT NOT NULL, min_unit BIGINT NOT NULL, max_unit BIGINT NOT NULL,
        step_size BIGINT NOT NULL, allocation_ratio DOUBLE PRECISION NOT NULL, PRIMARY KEY (provider_id, resource_class))`,
      `CREATE TABLE consumers (id TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL,
        consumer_type TEXT NOT NULL, generation BIGINT NOT NULL, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL)`,
      "CREATE INDEX consumers_project ON consumers (project_id, user_id)",
      `CREATE TABLE allocations (consumer_id TEXT NOT NULL, provider_id TEXT NOT NULL,
        resource_class TEXT NOT NULL, used BIGINT NOT NULL,
        PRIMARY KEY (consumer_id, provider_id, resource_class))`,
      // Holds consumer and amount as well, so that a provider's usage is summed from the index alone.
      "CREATE INDEX allocations_usage ON allocations (provider_id, resource_class, consumer_id, used)",
      "CREATE TABLE resource_classes (name TEXT PRIMARY KEY, created_at BIGINT NOT NULL)",
      "CREATE TABLE traits (name TEXT PRIMARY KEY, created_at BIGINT NOT NULL)",
      `CREATE TABLE provider_traits (provider_id TEXT NOT NULL, trait TEXT NOT NULL,
        PRIMARY KEY (provider_id, trait))`,
      "CREATE INDEX provider_traits_trait ON provider_traits (trait)",
      `CREATE TABLE provider_aggregates (provider_id TEXT NOT NULL, aggregate_id TEXT NOT NULL,
        PRIMARY KEY (provider_id, aggregate_id))`,
      "CREATE INDEX provider_aggregates_aggregate ON provider_aggregates (aggregate_id)",
    ],
  },
];
