// Volume types: names under which an operator offers storage.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { VolumeType } from "./tables.ts";

/** The type of volumes for which none is asked. */
export const defaultTypeName = "lvm";

export interface NewVolumeType {
  readonly name: string;
  readonly description?: string | null;
  readonly is_public?: boolean;
  readonly extra_specs?: Readonly<Record<string, string | null>>;
}

export const volumeTypes = {
  create,
  list,
  get,
  byId,
  find,
  update,
  remove,
  setSpecs,
  removeSpec,
  allow,
  disallow,
  access,
};

async function create(tx: Tx, type: NewVolumeType): Promise<VolumeType> {
  await requireFreeName(tx, type.name, null);
  return await tx
    .insertInto("volume_types")
    .values({
      id: newId(tx),
      name: type.name,
      description: type.description ?? null,
      is_public: type.is_public === false ? 0 : 1,
      extra_specs: JSON.stringify(withoutNulls(type.extra_specs ?? {})),
      created_at: now(tx),
      updated_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/**
 * Types the caller may use; an administrator sees all, or with `isPublic` those that are or are not
 * public.
 */
async function list(tx: Tx, context: RequestContext, isPublic: boolean | null = true): Promise<VolumeType[]> {
  const all = await tx
    .selectFrom("volume_types")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .execute();
  if (context.isAdmin) return all.filter((type) => isPublic === null || (type.is_public === 1) === isPublic);
  const granted = await grantedTo(tx, context);
  return all.filter((type) => type.is_public === 1 || granted.has(type.id));
}

async function get(tx: Tx, context: RequestContext, id: Uuid): Promise<VolumeType> {
  const type = await byId(tx, id);
  if (type.is_public === 1 || context.isAdmin) return type;
  if ((await grantedTo(tx, context)).has(id)) return type;
  throw errors.typeNotFound(id);
}

async function byId(tx: Tx, id: Uuid): Promise<VolumeType> {
  const type = await tx.selectFrom("volume_types").selectAll().where("id", "=", id).executeTakeFirst();
  if (type === undefined) throw errors.typeNotFound(id);
  return type;
}

/** By id or name, as volumes are created with. */
async function find(tx: Tx, context: RequestContext, idOrName: string): Promise<VolumeType> {
  const found = await tx
    .selectFrom("volume_types")
    .selectAll()
    .where((eb) => eb.or([eb("id", "=", idOrName), eb("name", "=", idOrName)]))
    .executeTakeFirst();
  if (found === undefined) throw errors.typeNameNotFound(idOrName);
  return get(tx, context, found.id);
}

async function update(
  tx: Tx,
  id: Uuid,
  changes: { readonly name?: string; readonly description?: string | null; readonly is_public?: boolean },
): Promise<VolumeType> {
  if (changes.name !== undefined) await requireFreeName(tx, changes.name, id);
  const { name, description, is_public } = changes;
  const type = await tx
    .updateTable("volume_types")
    .set({
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(is_public === undefined ? {} : { is_public: is_public ? 1 : 0 }),
      updated_at: now(tx),
    })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (type === undefined) throw errors.typeNotFound(id);
  return type;
}

async function remove(tx: Tx, id: Uuid): Promise<void> {
  const type = await byId(tx, id);
  if (type.name === defaultTypeName) throw errors.typeIsDefault(type.name);
  const used = await tx
    .selectFrom("volumes")
    .select("id")
    .where("volume_type_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  if (used !== undefined) throw errors.typeInUse();
  await tx.deleteFrom("volume_type_access").where("volume_type_id", "=", id).execute();
  await tx.deleteFrom("volume_types").where("id", "=", id).execute();
}

/** Adds to the extra specs, or changes those that are there; null takes one away. */
async function setSpecs(tx: Tx, id: Uuid, specs: Readonly<Record<string, string | null>>): Promise<void> {
  const { extra_specs } = await byId(tx, id);
  // Written by this file alone.
  const old = JSON.parse(extra_specs) as Readonly<Record<string, string>>;
  await writeSpecs(tx, id, withoutNulls({ ...old, ...specs }));
}

async function removeSpec(tx: Tx, id: Uuid, key: string): Promise<void> {
  const { extra_specs } = await byId(tx, id);
  // Written by this file alone.
  const { [key]: removed, ...rest } = JSON.parse(extra_specs) as Readonly<Record<string, string>>;
  if (removed === undefined) throw errors.extraSpecNotFound(id, key);
  await writeSpecs(tx, id, rest);
}

async function writeSpecs(tx: Tx, id: Uuid, specs: Readonly<Record<string, string>>): Promise<void> {
  await tx
    .updateTable("volume_types")
    .set({ extra_specs: JSON.stringify(specs), updated_at: now(tx) })
    .where("id", "=", id)
    .execute();
}

async function allow(tx: Tx, id: Uuid, projectId: string): Promise<void> {
  const type = await byId(tx, id);
  if (type.is_public === 1) throw errors.typeIsPublic();
  const added = await tx
    .insertInto("volume_type_access")
    .values({ volume_type_id: id, project_id: projectId })
    .onConflict((conflict) => conflict.doNothing())
    .returning("project_id")
    .executeTakeFirst();
  if (added === undefined) throw errors.accessExists(id, projectId);
}

async function disallow(tx: Tx, id: Uuid, projectId: string): Promise<void> {
  const removed = await tx
    .deleteFrom("volume_type_access")
    .where("volume_type_id", "=", id)
    .where("project_id", "=", projectId)
    .returning("project_id")
    .executeTakeFirst();
  if (removed === undefined) throw errors.accessNotFound(id, projectId);
}

async function access(tx: Tx, id: Uuid): Promise<{ volume_type_id: Uuid; project_id: string }[]> {
  await byId(tx, id);
  return tx.selectFrom("volume_type_access").selectAll().where("volume_type_id", "=", id).execute();
}

async function grantedTo(tx: Tx, context: RequestContext): Promise<ReadonlySet<Uuid>> {
  const rows = await tx
    .selectFrom("volume_type_access")
    .select("volume_type_id")
    .where("project_id", "=", context.projectId ?? "")
    .execute();
  return new Set(rows.map((row) => row.volume_type_id));
}

async function requireFreeName(tx: Tx, name: string, of: Uuid | null): Promise<void> {
  const taken = await tx.selectFrom("volume_types").select("id").where("name", "=", name).executeTakeFirst();
  if (taken !== undefined && taken.id !== of) throw errors.typeExists(name);
}

function withoutNulls(specs: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(specs).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}
