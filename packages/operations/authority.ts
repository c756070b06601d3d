// The authority of the cloud's own certificates, the same for every API: the first that was made stays.
import type { Store, Tx } from "@micronova/store";

/** In PEM form. */
export interface Authority {
  readonly cert: string;
  readonly key: string;
}

const id = "cloud";

export async function knownAuthority(tx: Tx): Promise<Authority | null> {
  const row = await tx
    .selectFrom("authorities")
    .select(["cert", "key"])
    .where("id", "=", id)
    .executeTakeFirst();
  return row ?? null;
}

/** Keeps the one given, unless there is one; the answer is the cloud's. */
export async function keepAuthority(store: Store, { cert, key }: Authority): Promise<Authority> {
  await store.transaction(async (tx) => {
    await tx
      .insertInto("authorities")
      .values({ id, cert, key })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
  });
  const kept = await knownAuthority(store.read);
  if (kept === null) throw new Error("the cloud's authority is gone as soon as it is kept");
  return kept;
}
