// Resource providers: who has something to give. They form trees; a host is the root of its own.
import { newId, now, sql, type Tx } from "@micronova/store";
import { placementErrors } from "./errors.ts";
import type { ResourceProviderTable } from "./tables.ts";

export type ResourceProvider = ResourceProviderTable;

export interface NewProvider {
  readonly id?: string;
  readonly name: string;
  readonly parentId?: string | null;
}

/** Makes sure that a host's provider is there under its name. */
export async function ensureProvider(
  tx: Tx,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<void> {
  const known = await findProvider(tx, id);
  if (known?.name === name) return;
  if (known === null) await createProvider(tx, { id, name });
  else await renameProvider(tx, known, name);
}

export async function findProvider(tx: Tx, id: string): Promise<ResourceProvider | null> {
  const row = await tx.selectFrom("resource_providers").selectAll().where("id", "=", id).executeTakeFirst();
  return row ?? null;
}

export async function getProvider(tx: Tx, id: string): Promise<ResourceProvider> {
  const provider = await findProvider(tx, id);
  if (provider === null) throw placementErrors.providerNotFound(id);
  return provider;
}

export async function createProvider(tx: Tx, wanted: NewProvider): Promise<ResourceProvider> {
  const id = wanted.id ?? newId(tx);
  if ((await findProvider(tx, id)) !== null) throw placementErrors.providerIdTaken(id);
  await assertNameFree(tx, wanted.name);
  const parent = wanted.parentId == null ? null : await findProvider(tx, wanted.parentId);
  if (wanted.parentId != null && parent === null) throw placementErrors.parentNotFound(wanted.parentId);
  return await tx
    .insertInto("resource_providers")
    .values({
      id,
      name: wanted.name,
      generation: 0,
      parent_id: parent?.id ?? null,
      root_id: parent?.root_id ?? id,
      created_at: now(tx),
      updated_at: now(tx),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Gives a provider another name. */
export async function renameProvider(tx: Tx, provider: ResourceProvider, name: string): Promise<void> {
  if (provider.name === name) return;
  await assertNameFree(tx, name);
  await tx
    .updateTable("resource_providers")
    .set({ name, updated_at: now(tx) })
    .where("id", "=", provider.id)
    .execute();
}

/** Puts a provider, with everything below it, under another parent, or makes it a root. */
export async function moveProvider(
  tx: Tx,
  provider: ResourceProvider,
  parentId: string | null,
): Promise<void> {
  if (provider.parent_id === parentId) return;
  const below = await subtree(tx, provider);
  if (parentId !== null && below.includes(parentId)) throw placementErrors.parentLoops(provider.id);
  const parent = parentId === null ? null : await findProvider(tx, parentId);
  if (parentId !== null && parent === null) throw placementErrors.parentNotFound(parentId);
  await tx
    .updateTable("resource_providers")
    .set({ root_id: parent?.root_id ?? provider.id, updated_at: now(tx) })
    .where("id", "in", below)
    .execute();
  await tx
    .updateTable("resource_providers")
    .set({ parent_id: parentId })
    .where("id", "=", provider.id)
    .execute();
}

/** Takes a provider away, unless something is allocated there or it has children. */
export async function removeProvider(tx: Tx, id: string): Promise<void> {
  const child = await tx
    .selectFrom("resource_providers")
    .select("id")
    .where("parent_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  if (child !== undefined) throw placementErrors.providerHasChildren(id);
  const removed = await tx
    .deleteFrom("resource_providers")
    .where("id", "=", id)
    .where(sql<boolean>`NOT EXISTS (SELECT 1 FROM allocations WHERE provider_id = ${id})`)
    .returning("id")
    .executeTakeFirst();
  if (removed === undefined) {
    await getProvider(tx, id);
    throw placementErrors.providerInUse(id);
  }
  await tx.deleteFrom("inventories").where("provider_id", "=", id).execute();
  await tx.deleteFrom("provider_traits").where("provider_id", "=", id).execute();
  await tx.deleteFrom("provider_aggregates").where("provider_id", "=", id).execute();
}

/**
 * Raises a provider's generation, which also holds its row against other writers until the transaction ends.
 * With `expected`, only from that generation. Null when there is no such provider, or it has moved on.
 */
export async function raiseGeneration(tx: Tx, id: string, expected?: number): Promise<number | null> {
  let update = tx
    .updateTable("resource_providers")
    .set((raise) => ({ generation: raise("generation", "+", 1), updated_at: now(tx) }))
    .where("id", "=", id);
  if (expected !== undefined) update = update.where("generation", "=", expected);
  const raised = await update.returning("generation").executeTakeFirst();
  return raised?.generation ?? null;
}

/** As `raiseGeneration`, for callers who said which generation they saw. */
export async function expectGeneration(tx: Tx, id: string, expected: number): Promise<number> {
  const raised = await raiseGeneration(tx, id, expected);
  if (raised !== null) return raised;
  await getProvider(tx, id);
  throw placementErrors.generationConflict();
}

async function assertNameFree(tx: Tx, name: string): Promise<void> {
  const taken = await tx
    .selectFrom("resource_providers")
    .select("id")
    .where("name", "=", name)
    .executeTakeFirst();
  if (taken !== undefined) throw placementErrors.providerNameTaken(name);
}

/** The provider and all below it. */
async function subtree(tx: Tx, provider: ResourceProvider): Promise<readonly string[]> {
  const tree = await tx
    .selectFrom("resource_providers")
    .select(["id", "parent_id"])
    .where("root_id", "=", provider.root_id)
    .execute();
  const found = [provider.id];
  for (const id of found) {
    for (const child of tree) if (child.parent_id === id) found.push(child.id);
  }
  return found;
}
