// Key pairs: they belong to a user, not to a project. Only the public half is kept.
import type { Random, RequestContext } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { resourceErrors as errors } from "./errors-resources.ts";
import { limitOf } from "./quotas.ts";
import { certificateFingerprint, makeKeyPair, sshFingerprint } from "./ssh-keys.ts";
import type { Keypair } from "./tables-resources.ts";

export async function listKeypairs(
  tx: Tx,
  userId: string,
  page?: { readonly limit: number; readonly marker: string | null },
): Promise<Keypair[]> {
  let query = tx.selectFrom("keypairs").selectAll().where("user_id", "=", userId).orderBy("name");
  if (page === undefined) return query.execute();
  if (page.marker !== null)
    query = query.where("name", ">", (await getKeypair(tx, userId, page.marker)).name);
  return query.limit(page.limit).execute();
}

export async function getKeypair(tx: Tx, userId: string, name: string): Promise<Keypair> {
  const keypair = await findKeypair(tx, userId, name);
  if (keypair === null) throw errors.keypairMissing(name, userId);
  return keypair;
}

/** The key a new server names; null when the user has none of that name. */
export async function keyForBoot(
  tx: Tx,
  context: RequestContext,
  name: string,
): Promise<Pick<Keypair, "name" | "type" | "public_key"> | null> {
  const keypair = await findKeypair(tx, context.userId ?? "", name);
  if (keypair === null) return null;
  return { name, type: keypair.type, public_key: keypair.public_key };
}

export interface NewKeypair {
  readonly userId: string;
  readonly name: string;
  readonly type: string;
  /** Null makes a pair; the private half is answered once and not kept. */
  readonly publicKey: string | null;
}

/** Stores a key. `projectId` is whose quota counts. */
export async function createKeypair(
  tx: Tx,
  { userId, name, type, publicKey }: NewKeypair,
  { random, projectId }: { readonly random: Random; readonly projectId: string },
): Promise<{ readonly keypair: Keypair; readonly privateKey: string | null }> {
  if (publicKey === null && type !== "ssh") throw errors.keypairInvalid("x509 keys have to be imported");
  const made = publicKey === null ? makeKeyPair(random) : null;
  const key = made?.publicKey ?? publicKey ?? "";
  const fingerprint = type === "x509" ? certificateFingerprint(key) : sshFingerprint(key);
  if (fingerprint === null) throw errors.keypairInvalid("failed to generate fingerprint");
  await checkQuota(tx, userId, projectId);
  const keypair = await tx
    .insertInto("keypairs")
    .values({ id: newId(tx), user_id: userId, name, type, public_key: key, fingerprint, created_at: now(tx) })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (keypair === undefined) throw errors.keypairExists(name);
  return { keypair, privateKey: made?.privateKey ?? null };
}

export async function deleteKeypair(tx: Tx, userId: string, name: string): Promise<void> {
  const gone = await tx
    .deleteFrom("keypairs")
    .where("user_id", "=", userId)
    .where("name", "=", name)
    .returning("id")
    .executeTakeFirst();
  if (gone === undefined) throw errors.keypairMissing(name, userId);
}

async function findKeypair(tx: Tx, userId: string, name: string): Promise<Keypair | null> {
  const row = await tx
    .selectFrom("keypairs")
    .selectAll()
    .where("user_id", "=", userId)
    .where("name", "=", name)
    .executeTakeFirst();
  return row ?? null;
}

async function checkQuota(tx: Tx, userId: string, projectId: string): Promise<void> {
  const limit = await limitOf(tx, { projectId, userId: null }, "key_pairs");
  if (limit < 0) return;
  const { count } = await tx
    .selectFrom("keypairs")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("user_id", "=", userId)
    .executeTakeFirstOrThrow();
  if (Number(count) >= limit) throw errors.tooManyKeypairs();
}
