// Flavors: how large a server may be. Servers keep a copy of theirs, so that a flavor can go while they stay.
import type { RequestContext } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { resourceErrors as errors } from "./errors-resources.ts";
import type { FlavorCopy } from "./tables.ts";
import type { Flavor } from "./tables-flavors.ts";

export type NewFlavor = Omit<Flavor, "id" | "created_at" | "extra_specs"> & { readonly id: string | null };

/**
 * Which flavors a list shows: `public` ones include those the asker's project was given; `all` is for
 * administrators.
 */
export type FlavorReach = "public" | "private" | "all";

export async function listFlavors(tx: Tx, context: RequestContext, reach: FlavorReach): Promise<Flavor[]> {
  const granted = tx
    .selectFrom("flavor_access")
    .select("flavor_id")
    .where("project_id", "=", context.projectId ?? "");
  let query = tx.selectFrom("flavors").selectAll();
  if (reach === "public")
    query = query.where((row) => row.or([row("is_public", "=", 1), row("id", "in", granted)]));
  if (reach === "private") query = query.where("is_public", "=", 0);
  return query.orderBy("id").execute();
}

/** The flavor, if the asker may use it. */
async function findFlavor(tx: Tx, context: RequestContext, id: string): Promise<Flavor | null> {
  const flavor = await tx.selectFrom("flavors").selectAll().where("id", "=", id).executeTakeFirst();
  if (flavor === undefined || flavor.is_public === 1 || context.isAdmin) return flavor ?? null;
  const access = await flavorAccess(tx, id);
  return access.includes(context.projectId ?? "") ? flavor : null;
}

export async function getFlavor(tx: Tx, context: RequestContext, id: string): Promise<Flavor> {
  const flavor = await findFlavor(tx, context, id);
  if (flavor === null) throw errors.flavorMissing(id);
  return flavor;
}

/**
 * The flavor a new server names, by id or by address, as the server will keep it; null when there is none to
 * use.
 */
export async function flavorForBoot(
  tx: Tx,
  context: RequestContext,
  ref: string,
): Promise<FlavorCopy | null> {
  // Nova also takes the flavor's address, of which only the last part counts.
  const flavor = await findFlavor(tx, context, ref.split("/").at(-1) ?? "");
  if (flavor === null) return null;
  const { id, name, vcpus, ram, disk, ephemeral, swap } = flavor;
  return { flavorid: id, name, vcpus, ram, disk, ephemeral, swap, extra_specs: extraSpecs(flavor) };
}

export function extraSpecs(flavor: Flavor): Readonly<Record<string, string>> {
  return JSON.parse(flavor.extra_specs);
}

export async function createFlavor(tx: Tx, flavor: NewFlavor): Promise<Flavor> {
  const id = flavor.id ?? newId(tx);
  const row = await tx
    .insertInto("flavors")
    .values({ ...flavor, id, extra_specs: "{}", created_at: now(tx) })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) return row;
  const sameName = await tx
    .selectFrom("flavors")
    .select("id")
    .where("name", "=", flavor.name)
    .executeTakeFirst();
  throw sameName === undefined ? errors.flavorIdExists(id) : errors.flavorExists(flavor.name);
}

export async function describeFlavor(tx: Tx, id: string, description: string | null): Promise<Flavor> {
  return changed(tx, id, { description });
}

export async function deleteFlavor(tx: Tx, id: string): Promise<void> {
  const gone = await tx.deleteFrom("flavors").where("id", "=", id).returning("id").executeTakeFirst();
  if (gone === undefined) throw errors.flavorMissing(id);
  await tx.deleteFrom("flavor_access").where("flavor_id", "=", id).execute();
}

export async function setExtraSpecs(
  tx: Tx,
  context: RequestContext,
  id: string,
  specs: Readonly<Record<string, string>>,
): Promise<Flavor> {
  const before = extraSpecs(await getFlavor(tx, context, id));
  return changed(tx, id, { extra_specs: JSON.stringify({ ...before, ...specs }) });
}

export async function deleteExtraSpec(
  tx: Tx,
  context: RequestContext,
  id: string,
  key: string,
): Promise<void> {
  const { [key]: gone, ...kept } = extraSpecs(await getFlavor(tx, context, id));
  if (gone === undefined) throw errors.extraSpecMissing(id, key);
  await changed(tx, id, { extra_specs: JSON.stringify(kept) });
}

/** The projects that may use a private flavor. */
export async function flavorAccess(tx: Tx, id: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("flavor_access")
    .select("project_id")
    .where("flavor_id", "=", id)
    .execute();
  return rows.map((row) => row.project_id);
}

export async function addFlavorAccess(tx: Tx, flavor_id: string, project_id: string): Promise<void> {
  const added = await tx
    .insertInto("flavor_access")
    .values({ flavor_id, project_id })
    .onConflict((conflict) => conflict.doNothing())
    .returning("flavor_id")
    .executeTakeFirst();
  if (added === undefined) throw errors.flavorAccessExists(flavor_id, project_id);
}

export async function removeFlavorAccess(tx: Tx, flavor_id: string, project_id: string): Promise<void> {
  const removed = await tx
    .deleteFrom("flavor_access")
    .where("flavor_id", "=", flavor_id)
    .where("project_id", "=", project_id)
    .returning("flavor_id")
    .executeTakeFirst();
  if (removed === undefined) throw errors.flavorAccessMissing(flavor_id, project_id);
}

async function changed(tx: Tx, id: string, change: Partial<Flavor>): Promise<Flavor> {
  const row = await tx
    .updateTable("flavors")
    .set(change)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw errors.flavorMissing(id);
  return row;
}

// Nova's five of old, by which guides and tests still call them.
const firstFlavors = [
  ["1", "m1.tiny", 1, 512, 1],
  ["2", "m1.small", 1, 2048, 20],
  ["3", "m1.medium", 2, 4096, 40],
  ["4", "m1.large", 4, 8192, 80],
  ["5", "m1.xlarge", 8, 16384, 160],
] as const;

/** Fills an empty table; flavors an operator deleted stay away. */
export async function seedFlavors(tx: Tx): Promise<void> {
  const known = await tx.selectFrom("flavors").select("id").executeTakeFirst();
  if (known !== undefined) return;
  for (const [id, name, vcpus, ram, disk] of firstFlavors) {
    await createFlavor(tx, {
      id,
      name,
      vcpus,
      ram,
      disk,
      ephemeral: 0,
      swap: 0,
      rxtx_factor: 1,
      is_public: 1,
      description: null,
    });
  }
}
