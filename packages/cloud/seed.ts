// What a fresh cloud has, and the schema it has it in. Each package seeds itself; all of it is one
// transaction.
import { computeMigrations, seedCompute } from "@micronova/compute";
import { identityMigrations, seedIdentity } from "@micronova/identity";
import { imageMigrations } from "@micronova/image";
import { networkMigrations, seedNetwork } from "@micronova/network";
import { operationsMigrations } from "@micronova/operations";
import { placementMigrations } from "@micronova/placement";
import { sagaMigrations } from "@micronova/saga";
import type { Migration, Store } from "@micronova/store";
import { seedVolume, volumeMigrations } from "@micronova/volume";
import type { Secrets } from "./data-dir.ts";
import { freeCidr } from "./free-cidr.ts";

/** Lower layers first. */
export const migrations: readonly Migration[] = [
  ...sagaMigrations,
  ...operationsMigrations,
  ...identityMigrations,
  ...imageMigrations,
  ...placementMigrations,
  ...networkMigrations,
  ...volumeMigrations,
  ...computeMigrations,
];

export interface Seed {
  readonly region: string;
  readonly secrets: Secrets;
  /** The private network's; a free one without it. */
  readonly cidr?: string | undefined;
}

export async function seed(store: Store, { region, secrets, cidr: wanted }: Seed): Promise<void> {
  const { adminPassword, demoPassword } = secrets;
  const cidr = wanted ?? freeCidr(secrets.cloudId);
  await store.transaction(async (tx) => {
    const projects = await seedIdentity(tx, { adminPassword, demoPassword, region });
    await seedNetwork(tx, { ...projects, cidr });
    await seedVolume(tx);
    await seedCompute(tx);
  });
}
