// Images as rows: made, shown, changed and removed. Bytes are in uploads.ts, lists in image-list.ts.
import type { RequestContext, Uuid } from "@micronova/kit";
import { afterCommit, isUniqueViolation, newId, now, type Tx } from "@micronova/store";
import { mayPublish, mustOwn, visibleTo } from "./access.ts";
import type { ImageDeps } from "./deps.ts";
import { imageErrors } from "./errors.ts";
import { type ImageAction, imageStates } from "./states.ts";
import type { ImageTable, Visibility } from "./tables.ts";

/** An image with its tags and the properties Glance does not know, as clients see them. */
export interface Image extends Readonly<ImageTable> {
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
}

/** What a client may say of an image. */
export interface ImageAttributes {
  readonly name?: string | null;
  readonly visibility?: Visibility;
  readonly protected?: boolean;
  readonly os_hidden?: boolean;
  readonly container_format?: string | null;
  readonly disk_format?: string | null;
  readonly min_ram?: number;
  readonly min_disk?: number;
  readonly owner?: string | null;
}

export interface NewImage extends ImageAttributes {
  readonly id?: Uuid;
  readonly tags?: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
}

// Glance's own limits.
const propertiesMax = 128;
const tagsMax = 128;

export async function create(tx: Tx, context: RequestContext, wanted: NewImage): Promise<Image> {
  const { id = newId(tx), tags = [], properties = {}, ...attributes } = wanted;
  const owner = attributes.owner === undefined ? context.projectId : attributes.owner;
  if (owner !== context.projectId && !context.isAdmin) throw imageErrors.ownerForbidden(String(owner));
  mayPublish(context, attributes.visibility);
  const row: ImageTable = {
    id: id.toLowerCase(),
    name: null,
    visibility: "shared",
    container_format: null,
    disk_format: null,
    min_ram: 0,
    min_disk: 0,
    ...rowOf(attributes),
    protected: Number(attributes.protected ?? false),
    os_hidden: Number(attributes.os_hidden ?? false),
    owner,
    status: imageStates.initial as ImageTable["status"],
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    size: null,
    virtual_size: null,
    created_at: now(tx),
    updated_at: now(tx),
    upload_id: null,
    upload_owner: null,
    upload_until: null,
    path: null,
  };
  try {
    await tx.insertInto("images").values(row).execute();
  } catch (error) {
    throw isUniqueViolation(error) ? imageErrors.imageExists(row.id) : error;
  }
  await setTags(tx, row.id, tags);
  await setProperties(tx, row.id, properties);
  return read(tx, row.id);
}

/** The image, if the one who asks may see it; else it does not exist for them. */
export async function get(tx: Tx, context: RequestContext, id: Uuid): Promise<Image> {
  const image = await tx
    .selectFrom("images")
    .selectAll()
    .where("id", "=", id.toLowerCase())
    .executeTakeFirst();
  if (image === undefined || !(await visibleTo(tx, context, image))) throw imageErrors.imageNotFound(id);
  const [whole] = await withDetails(tx, [image]);
  return whole!;
}

/** The image, if the one who asks may change it. */
export async function getOwn(tx: Tx, context: RequestContext, id: Uuid, rule: string): Promise<Image> {
  const image = await get(tx, context, id);
  mustOwn(context, image, rule);
  return image;
}

/** What a change of an image's rows is; what is absent stays as it is. */
export interface ImageChange {
  readonly attributes?: ImageAttributes;
  readonly tags?: readonly string[];
  /** A value, or null to remove the property. */
  readonly properties?: Readonly<Record<string, string | null>>;
}

export async function update(tx: Tx, context: RequestContext, id: Uuid, change: ImageChange): Promise<Image> {
  const image = await getOwn(tx, context, id, "modify_image");
  const { attributes = {}, tags, properties = {} } = change;
  const owner = attributes.owner;
  if (owner !== undefined && owner !== image.owner && !context.isAdmin) throw imageErrors.readOnly("owner");
  if (attributes.visibility !== image.visibility) mayPublish(context, attributes.visibility);
  checkFormats(image, attributes);
  const set = { ...rowOf(attributes), updated_at: now(tx) };
  await tx.updateTable("images").set(set).where("id", "=", image.id).execute();
  if (tags !== undefined) {
    await tx.deleteFrom("image_tags").where("image_id", "=", image.id).execute();
    await setTags(tx, image.id, tags);
  }
  const removed = Object.keys(properties).filter((name) => properties[name] === null);
  if (removed.length > 0) {
    await tx
      .deleteFrom("image_properties")
      .where("image_id", "=", image.id)
      .where("name", "in", removed)
      .execute();
  }
  const kept = Object.entries(properties).flatMap(([name, value]) => (value === null ? [] : [[name, value]]));
  await setProperties(tx, image.id, Object.fromEntries(kept));
  return read(tx, image.id);
}

/** Removes the image, and its bytes once that is certain. */
export async function remove(
  tx: Tx,
  deps: Pick<ImageDeps, "files" | "platform">,
  context: RequestContext,
  id: Uuid,
): Promise<void> {
  const image = await getOwn(tx, context, id, "delete_image");
  const gone = await tx
    .deleteFrom("images")
    .where("id", "=", image.id)
    .where("protected", "=", 0)
    .returning("id")
    .executeTakeFirst();
  if (gone === undefined) throw imageErrors.imageProtected(image.id);
  afterCommit(tx, () => {
    const { files, platform } = deps;
    files.remove(image.id).catch((error: unknown) => {
      platform.log.warn({ imageId: image.id, error }, "image file stays until the next start");
    });
  });
}

/** Moves the image along its state table; says from where and to where it may not go. */
export async function act(
  tx: Tx,
  context: RequestContext,
  id: Uuid,
  action: Extract<ImageAction, "deactivate" | "reactivate">,
): Promise<void> {
  const image = await getOwn(tx, context, id, action);
  const { from, to } = imageStates.actions[action];
  const moved = await tx
    .updateTable("images")
    .set({ status: to as ImageTable["status"], updated_at: now(tx) })
    .where("id", "=", image.id)
    .where("status", "in", from as ImageTable["status"][])
    .returning("id")
    .executeTakeFirst();
  if (moved === undefined) throw imageErrors.wrongStatus(action, image.status);
}

/** Adds each image's tags and properties, with two queries for all of them. */
export async function withDetails(tx: Tx, rows: readonly ImageTable[]): Promise<Image[]> {
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return [];
  const tags = await tx
    .selectFrom("image_tags")
    .selectAll()
    .where("image_id", "in", ids)
    .orderBy("tag")
    .execute();
  const properties = await tx
    .selectFrom("image_properties")
    .selectAll()
    .where("image_id", "in", ids)
    .orderBy("name")
    .execute();
  const tagsOf = Map.groupBy(tags, ({ image_id }) => image_id);
  const propertiesOf = Map.groupBy(properties, ({ image_id }) => image_id);
  return rows.map((row) => ({
    ...row,
    tags: (tagsOf.get(row.id) ?? []).map(({ tag }) => tag),
    properties: Object.fromEntries((propertiesOf.get(row.id) ?? []).map(({ name, value }) => [name, value])),
  }));
}

export async function addTag(tx: Tx, id: Uuid, tag: string): Promise<void> {
  await tx
    .insertInto("image_tags")
    .values({ image_id: id, tag })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await touch(tx, id);
}

export async function removeTag(tx: Tx, id: Uuid, tag: string): Promise<void> {
  const gone = await tx
    .deleteFrom("image_tags")
    .where("image_id", "=", id)
    .where("tag", "=", tag)
    .returning("tag")
    .executeTakeFirst();
  if (gone === undefined) throw imageErrors.tagNotFound(tag);
  await touch(tx, id);
}

async function touch(tx: Tx, id: Uuid): Promise<void> {
  await tx
    .updateTable("images")
    .set({ updated_at: now(tx) })
    .where("id", "=", id)
    .execute();
}

async function read(tx: Tx, id: Uuid): Promise<Image> {
  const row = await tx.selectFrom("images").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  const [image] = await withDetails(tx, [row]);
  return image!;
}

/** The columns that attributes name; booleans are 0 or 1 there. */
function rowOf(attributes: ImageAttributes): Partial<ImageTable> {
  const { protected: isProtected, os_hidden, ...same } = attributes;
  return {
    ...same,
    ...(isProtected === undefined ? {} : { protected: Number(isProtected) }),
    ...(os_hidden === undefined ? {} : { os_hidden: Number(os_hidden) }),
  };
}

/** The formats were checked against the bytes when these arrived, and hold from then on. */
function checkFormats(image: Image, attributes: ImageAttributes): void {
  for (const name of ["disk_format", "container_format"] as const) {
    const wanted = attributes[name];
    const isFree = imageStates.actions.upload.from.includes(image.status);
    if (wanted !== undefined && wanted !== image[name] && !isFree) throw imageErrors.formatsImmutable(name);
  }
}

async function setTags(tx: Tx, id: Uuid, tags: readonly string[]): Promise<void> {
  const distinct = [...new Set(tags)];
  if (distinct.length > tagsMax) throw imageErrors.tooManyProperties(tagsMax, "tags");
  if (distinct.length === 0) return;
  await tx
    .insertInto("image_tags")
    .values(distinct.map((tag) => ({ image_id: id, tag })))
    .execute();
}

async function setProperties(tx: Tx, id: Uuid, properties: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(properties)) {
    await tx
      .insertInto("image_properties")
      .values({ image_id: id, name, value })
      .onConflict((conflict) => conflict.columns(["image_id", "name"]).doUpdateSet({ value }))
      .execute();
  }
  const { count } = await tx
    .selectFrom("image_properties")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("image_id", "=", id)
    .executeTakeFirstOrThrow();
  if (Number(count) > propertiesMax) throw imageErrors.tooManyProperties(propertiesMax, "properties");
}
