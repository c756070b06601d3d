// All of compute's schema, in order. Each part stands beside the nouns it belongs to.
import type { Migration } from "@micronova/store";
import { flavorMigrations } from "./migrations-flavors.ts";
import { resourceMigrations } from "./migrations-resources.ts";
import { serverMigrations, serverVolumeMigrations } from "./migrations-servers.ts";

export const computeMigrations: readonly Migration[] = [
  ...serverMigrations,
  ...flavorMigrations,
  ...resourceMigrations,
  ...serverVolumeMigrations,
];
