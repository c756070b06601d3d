// Lists of images: what a query asks for, as SQL. Visibility first, then filters, then the order and the
// page.
import type { Page } from "@micronova/http";
import type { Millis, RequestContext } from "@micronova/kit";
import { sql, type Tx } from "@micronova/store";
import { visibleTo } from "./access.ts";
import { imageErrors } from "./errors.ts";
import { get, type Image, withDetails } from "./images.ts";
import type { ImageStatus } from "./states.ts";
import type { MemberStatus, Visibility } from "./tables.ts";

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

export interface TimeFilter {
  readonly column: "created_at" | "updated_at";
  readonly comparison: Comparison;
  readonly at: Millis;
}

export type SortKey =
  | "name"
  | "status"
  | "container_format"
  | "disk_format"
  | "size"
  | "id"
  | "created_at"
  | "updated_at";

export interface SortTerm {
  readonly key: SortKey;
  readonly direction: "asc" | "desc";
}

export type TextColumn =
  | "id"
  | "name"
  | "owner"
  | "container_format"
  | "disk_format"
  | "checksum"
  | "os_hash_value";

export interface ImageQuery {
  readonly texts: readonly { readonly column: TextColumn; readonly anyOf: readonly string[] }[];
  readonly statuses: readonly ImageStatus[] | null;
  readonly numbers: readonly {
    readonly column: "size" | "min_ram" | "min_disk";
    readonly comparison: Comparison;
    readonly value: number;
  }[];
  readonly times: readonly TimeFilter[];
  readonly protected: boolean | null;
  readonly osHidden: boolean;
  /** `all` adds the community's images to what is shown anyway. */
  readonly visibility: Visibility | "all" | null;
  readonly memberStatus: MemberStatus | "all";
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly sort: readonly SortTerm[];
  readonly page: Page;
}

export async function list(tx: Tx, context: RequestContext, query: ImageQuery): Promise<Image[]> {
  let select = filtered(tx, context, query);
  const sort = withTieBreak(query.sort);
  const { marker, limit } = query.page;
  if (marker !== null) {
    const last = await markerImage(tx, context, marker);
    select = select.where(sql<boolean>`(${sql.join(beyond(sort, last), sql` or `)})`);
  }
  for (const { key, direction } of sort) select = select.orderBy(ordered(key), direction);
  return withDetails(tx, await select.limit(limit).execute());
}

function filtered(tx: Tx, context: RequestContext, query: ImageQuery) {
  let select = tx.selectFrom("images").selectAll().where(shown(context, query));
  for (const { column, anyOf } of query.texts) select = select.where(column, "in", anyOf);
  if (query.statuses !== null) select = select.where("status", "in", query.statuses);
  for (const { column, comparison, value } of query.numbers) select = select.where(column, comparison, value);
  for (const { column, comparison, at } of query.times) {
    // Times are shown in whole seconds, so they are compared in whole seconds.
    select = select.where(sql<number>`${sql.ref(column)} / 1000`, comparison, Math.floor(at / 1000));
  }
  if (query.protected !== null) select = select.where("protected", "=", Number(query.protected));
  if (query.visibility !== null && query.visibility !== "all") {
    select = select.where("visibility", "=", query.visibility);
  }
  select = select.where("os_hidden", "=", Number(query.osHidden));
  for (const tag of query.tags) {
    const tagged = tx.selectFrom("image_tags").select("image_id").where("tag", "=", tag);
    select = select.where("id", "in", tagged);
  }
  for (const [name, value] of Object.entries(query.properties)) {
    const having = tx
      .selectFrom("image_properties")
      .select("image_id")
      .where("name", "=", name)
      .where("value", "=", value);
    select = select.where("id", "in", having);
  }
  return select;
}

/**
 * Own images, public ones, and those shared with the project and accepted; the community's only when asked
 * for.
 */
function shown(context: RequestContext, { visibility, memberStatus }: ImageQuery) {
  if (context.isAdmin) return sql<boolean>`1 = 1`;
  const project = context.projectId ?? "";
  const status = memberStatus === "all" ? sql`1 = 1` : sql`status = ${memberStatus}`;
  const shared = sql`(visibility = 'shared' and id in
    (select image_id from image_members where member_id = ${project} and ${status}))`;
  const withCommunity = visibility === "community" || visibility === "all";
  const everybodys = withCommunity ? sql`visibility in ('public', 'community')` : sql`visibility = 'public'`;
  return sql<boolean>`(owner = ${project} or ${everybodys} or ${shared})`;
}

/** The id makes any order total, so that pages neither repeat nor skip an image. */
function withTieBreak(sort: readonly SortTerm[]): readonly SortTerm[] {
  if (sort.some(({ key }) => key === "id")) return sort;
  return [...sort, { key: "id", direction: sort.at(-1)?.direction ?? "desc" }];
}

// The two engines put nulls at different ends, so what can be null is ordered as if it were empty.
const emptyOf: Readonly<Partial<Record<SortKey, string | number>>> = {
  name: "",
  container_format: "",
  disk_format: "",
  size: -1,
};

function ordered(key: SortKey) {
  const empty = emptyOf[key];
  return empty === undefined ? sql.ref(key) : sql`coalesce(${sql.ref(key)}, ${empty})`;
}

/** The rows after the marker: equal in the first terms, beyond it in the next. */
function beyond(sort: readonly SortTerm[], marker: Image) {
  return sort.map(({ key, direction }, at) => {
    const value = (of: SortKey) => marker[of] ?? emptyOf[of] ?? "";
    const same = sort.slice(0, at).map((term) => sql`${ordered(term.key)} = ${value(term.key)}`);
    const after = direction === "asc" ? sql`>` : sql`<`;
    return sql`(${sql.join([...same, sql`${ordered(key)} ${after} ${value(key)}`], sql` and `)})`;
  });
}

async function markerImage(tx: Tx, context: RequestContext, marker: string): Promise<Image> {
  const row = await tx.selectFrom("images").selectAll().where("id", "=", marker).executeTakeFirst();
  if (row === undefined || !(await visibleTo(tx, context, row))) throw imageErrors.markerNotFound(marker);
  return get(tx, context, marker);
}
