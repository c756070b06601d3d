// Application credentials: a secret of the user's own for programs, tied to one project and some of the
// user's roles.
import { hexId, type Millis } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { revoke, subjectOf } from "./revocations.ts";
import type { ApplicationCredentialTable } from "./tables.ts";

export type ApplicationCredential = ApplicationCredentialTable;

export interface NewApplicationCredential {
  readonly name: string;
  readonly user_id: string;
  readonly project_id: string;
  readonly description: string | null;
  readonly roleIds: readonly string[];
  readonly unrestricted: boolean;
  readonly expires_at: Millis | null;
}

export async function listCredentials(tx: Tx, userId: string): Promise<ApplicationCredential[]> {
  return tx
    .selectFrom("application_credentials")
    .selectAll()
    .where("user_id", "=", userId)
    .orderBy("name")
    .execute();
}

export async function findCredential(tx: Tx, id: string): Promise<ApplicationCredential | null> {
  const row = await tx
    .selectFrom("application_credentials")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  return row ?? null;
}

export async function getCredential(tx: Tx, userId: string, id: string): Promise<ApplicationCredential> {
  const credential = await findCredential(tx, id);
  if (credential?.user_id !== userId) throw errors.notFound("Application Credential", id);
  return credential;
}

export async function createCredential(
  tx: Tx,
  { roleIds, unrestricted, ...credential }: NewApplicationCredential,
  secret_hash: string,
): Promise<ApplicationCredential> {
  if (credential.expires_at !== null && credential.expires_at <= now(tx)) {
    throw errors.invalid("The application credential would expire in the past.");
  }
  const row = await tx
    .insertInto("application_credentials")
    .values({
      ...credential,
      id: hexId(newId(tx)),
      secret_hash,
      roles: JSON.stringify(roleIds),
      unrestricted: unrestricted ? 1 : 0,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw errors.duplicate("application_credential", `Duplicate entry found with name ${credential.name}`);
}

export async function deleteCredential(tx: Tx, userId: string, id: string): Promise<void> {
  await getCredential(tx, userId, id);
  await tx.deleteFrom("application_credentials").where("id", "=", id).execute();
  await revoke(tx, [subjectOf.credential(id)]);
}
