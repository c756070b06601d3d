// Resource classes and traits: the standard ones, which are always there, and the operator's own.
import { now, type Tx } from "@micronova/store";
import { placementErrors } from "./errors.ts";
import { expectGeneration } from "./providers.ts";
import { standardClasses, standardTraits } from "./standard-names.ts";

const standardClassSet = new Set(standardClasses);
const standardTraitSet = new Set(standardTraits);

/** All classes, the standard ones first and in their order. */
export async function listClasses(tx: Tx): Promise<readonly string[]> {
  const own = await tx.selectFrom("resource_classes").select("name").orderBy("name").execute();
  return [...standardClasses, ...own.map(({ name }) => name)];
}

export async function hasClass(tx: Tx, name: string): Promise<boolean> {
  if (standardClassSet.has(name)) return true;
  const own = await tx.selectFrom("resource_classes").select("name").where("name", "=", name).execute();
  return own.length > 0;
}

/** Refuses names that no class has. */
export async function assertClasses(tx: Tx, names: readonly string[]): Promise<void> {
  for (const name of names) if (!(await hasClass(tx, name))) throw placementErrors.classUnknown(name);
}

/** Makes a class; false when it was there. */
export async function ensureClass(tx: Tx, name: string): Promise<boolean> {
  const made = await tx
    .insertInto("resource_classes")
    .values({ name, created_at: now(tx) })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .returning("name")
    .executeTakeFirst();
  return made !== undefined;
}

export async function renameClass(tx: Tx, name: string, wanted: string): Promise<void> {
  await assertOwnClass(tx, name);
  if (name !== wanted && (await hasClass(tx, wanted))) throw placementErrors.classExists(wanted);
  await tx.updateTable("resource_classes").set({ name: wanted }).where("name", "=", name).execute();
  await tx
    .updateTable("inventories")
    .set({ resource_class: wanted })
    .where("resource_class", "=", name)
    .execute();
  await tx
    .updateTable("allocations")
    .set({ resource_class: wanted })
    .where("resource_class", "=", name)
    .execute();
}

export async function removeClass(tx: Tx, name: string): Promise<void> {
  await assertOwnClass(tx, name);
  const used = await tx
    .selectFrom("inventories")
    .select("provider_id")
    .where("resource_class", "=", name)
    .limit(1)
    .executeTakeFirst();
  if (used !== undefined) throw placementErrors.classInUse(name);
  await tx.deleteFrom("resource_classes").where("name", "=", name).execute();
}

async function assertOwnClass(tx: Tx, name: string): Promise<void> {
  if (standardClassSet.has(name)) throw placementErrors.classStandard(name);
  if (!(await hasClass(tx, name))) throw placementErrors.classNotFound(name);
}

/** All traits in the order of their names. */
export async function listTraits(tx: Tx): Promise<readonly string[]> {
  const own = await tx.selectFrom("traits").select("name").execute();
  return [...standardTraits, ...own.map(({ name }) => name)].sort();
}

/** The traits that some provider has. */
export async function traitsInUse(tx: Tx): Promise<ReadonlySet<string>> {
  const rows = await tx.selectFrom("provider_traits").select("trait").distinct().execute();
  return new Set(rows.map(({ trait }) => trait));
}

export async function hasTrait(tx: Tx, name: string): Promise<boolean> {
  if (standardTraitSet.has(name)) return true;
  const own = await tx.selectFrom("traits").select("name").where("name", "=", name).execute();
  return own.length > 0;
}

/** Refuses names that no trait has. */
export async function assertTraits(tx: Tx, names: readonly string[]): Promise<void> {
  const unknown: string[] = [];
  for (const name of names) if (!(await hasTrait(tx, name))) unknown.push(name);
  if (unknown.length > 0) throw placementErrors.traitUnknown(unknown.join(", "));
}

const customName = /^CUSTOM_[A-Z0-9_]+$/;
const nameLengthMax = 255;

/** Makes a trait; false when it was there. */
export async function ensureTrait(tx: Tx, name: string): Promise<boolean> {
  if (standardTraitSet.has(name)) return false;
  if (!customName.test(name) || name.length > nameLengthMax) throw placementErrors.traitNotCustom(name);
  const made = await tx
    .insertInto("traits")
    .values({ name, created_at: now(tx) })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .returning("name")
    .executeTakeFirst();
  return made !== undefined;
}

export async function removeTrait(tx: Tx, name: string): Promise<void> {
  if (standardTraitSet.has(name)) throw placementErrors.traitStandard(name);
  if (!(await hasTrait(tx, name))) throw placementErrors.traitNotFound(name);
  if ((await traitsInUse(tx)).has(name)) throw placementErrors.traitInUse(name);
  await tx.deleteFrom("traits").where("name", "=", name).execute();
}

export async function traitsOf(tx: Tx, providerId: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("provider_traits")
    .select("trait")
    .where("provider_id", "=", providerId)
    .orderBy("trait")
    .execute();
  return rows.map(({ trait }) => trait);
}

/** Makes a provider's traits exactly these; answers its new generation. */
export async function setTraits(
  tx: Tx,
  providerId: string,
  { traits, generation }: { readonly traits: readonly string[]; readonly generation: number },
): Promise<number> {
  const raised = await expectGeneration(tx, providerId, generation);
  await assertTraits(tx, traits);
  await tx.deleteFrom("provider_traits").where("provider_id", "=", providerId).execute();
  for (const trait of new Set(traits)) {
    await tx.insertInto("provider_traits").values({ provider_id: providerId, trait }).execute();
  }
  return raised;
}
