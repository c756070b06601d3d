// What a fresh cloud has, and the schema it has it in. Each package seeds itself; all of it is one
// transaction.
import { computeMigrations, seedCompute } from "@micronova/compute";
import { identityMigrations, seedIdentity } from "@micronova/identity";
import { imageMigrations } from "@micronova/image";
import { networkMigrations, seedNetwork } from "@micronova/network";
import { operationsMigrations } from "@micronova/operations";
import { placementMigrations } from "@micronova/placement";
import { sagaMigrations } from "@micronova/saga";
import { type Migration, now, type Store } from "@micronova/store";
import { seedVolume, volumeMigrations } from "@micronova/volume";
import type { Secrets } from "./data-dir.ts";
import { freeCidr } from "./free-cidr.ts";
import type { CloudOriginTable } from "./tables.ts";

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
  {
    id: "cloud/0001-origin",
    sql: [
      `CREATE TABLE cloud_origin (id INTEGER PRIMARY KEY, cloud_id TEXT NOT NULL, host TEXT NOT NULL,
        created_at BIGINT NOT NULL)`,
    ],
  },
];

export interface Seed {
  readonly region: string;
  readonly secrets: Secrets;
  /** The name of the process's machine. */
  readonly host: string;
  /** The private network's; a free one without it. */
  readonly cidr?: string | undefined;
}

/**
 * Of processes that start at once one makes the cloud. Answers the machine whose passwords its users have at
 * first; null when they are of these secrets.
 */
export async function seed(
  store: Store,
  { region, secrets, host, cidr: wanted }: Seed,
): Promise<string | null> {
  const { adminPassword, demoPassword, cloudId } = secrets;
  const cidr = wanted ?? freeCidr(secrets.cloudId);
  return store.transaction(async (tx) => {
    const projects = await seedIdentity(tx, { adminPassword, demoPassword, region });
    await seedNetwork(tx, { ...projects, cidr });
    await seedVolume(tx);
    await seedCompute(tx);
    const origin: CloudOriginTable = { id: 1, cloud_id: cloudId, host, created_at: now(tx) };
    await tx
      .insertInto("cloud_origin")
      .values(origin)
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
    const made = await tx.selectFrom("cloud_origin").selectAll().executeTakeFirstOrThrow();
    return made.cloud_id === cloudId ? null : made.host;
  });
}
