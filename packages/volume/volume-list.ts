// Lists of volumes: filters, sorting by any of Cinder's keys, and pages that begin after a marker.
import type { RequestContext, Uuid } from "@micronova/kit";
import { sql, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { Volume } from "./tables.ts";
import { volumes } from "./volumes.ts";

export interface VolumeFilter {
  /** Null is every project, for administrators. */
  readonly projectId: string | null;
  readonly userId?: string;
  readonly name?: string;
  readonly nameLike?: string;
  readonly status?: string;
  readonly bootable?: boolean;
  readonly availabilityZone?: string;
  readonly size?: number;
  readonly id?: Uuid;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of filters that no volume here can match, such as a group. */
  readonly isImpossible?: boolean;
}

export interface VolumeSort {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** The API's sort keys, and the expression each one means: never null, so that pages have an order. */
const sortExpressions = {
  id: "volumes.id",
  status: "volumes.status",
  size: "volumes.size",
  availability_zone: "volumes.availability_zone",
  name: "coalesce(volumes.name, '')",
  display_name: "coalesce(volumes.name, '')",
  bootable: "volumes.bootable",
  created_at: "volumes.created_at",
  updated_at: "coalesce(volumes.updated_at, 0)",
} as const;
export type SortKey = keyof typeof sortExpressions;

function isSortKey(key: string): key is SortKey {
  return Object.hasOwn(sortExpressions, key);
}

export interface VolumePage {
  readonly filter: VolumeFilter;
  readonly sort: readonly VolumeSort[];
  readonly limit: number;
  readonly offset: number;
  readonly marker: Uuid | null;
}

export async function listVolumes(tx: Tx, context: RequestContext, page: VolumePage): Promise<Volume[]> {
  if (page.limit === 0) return [];
  const sort: readonly VolumeSort[] = [
    ...page.sort,
    { key: "created_at", descending: true },
    { key: "id", descending: true },
  ];
  let query = filtered(tx, page.filter).selectAll("volumes");
  for (const { key, descending } of sort) {
    query = query.orderBy(expressionOf(key), descending ? "desc" : "asc");
  }
  if (page.marker !== null) {
    const marker = await volumes.get(tx, context, page.marker);
    query = query.where(after(marker, sort));
  }
  return await query.limit(page.limit).offset(page.offset).execute();
}

export async function countVolumes(tx: Tx, filter: VolumeFilter): Promise<number> {
  const row = await filtered(tx, filter)
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function filtered(tx: Tx, filter: VolumeFilter) {
  let query = tx.selectFrom("volumes");
  const { projectId, userId, name, nameLike, bootable, size, id } = filter;
  if (filter.isImpossible === true) query = query.where(sql<boolean>`1 = 0`);
  if (projectId !== null) query = query.where("project_id", "=", projectId);
  if (userId !== undefined) query = query.where("user_id", "=", userId);
  if (name !== undefined) query = query.where("name", "=", name);
  if (nameLike !== undefined) query = query.where(nameContains(nameLike));
  if (filter.status !== undefined) query = query.where(sql<boolean>`status = ${filter.status}`);
  if (bootable !== undefined) query = query.where("bootable", "=", bootable ? 1 : 0);
  if (filter.availabilityZone !== undefined)
    query = query.where("availability_zone", "=", filter.availabilityZone);
  if (size !== undefined) query = query.where("size", "=", size);
  if (id !== undefined) query = query.where("id", "=", id);
  for (const [key, value] of Object.entries(filter.metadata ?? {})) {
    // Quotes inside keys and values are escaped in the stored JSON, so the pair's text is found only as a
    // pair. Unlike LIKE, `replace` minds the case on both engines.
    const pair = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
    query = query.where(sql<boolean>`replace(metadata, ${pair}, '') <> metadata`);
  }
  return query;
}

function nameContains(text: string) {
  const pattern = `%${text.toLowerCase().replaceAll(/[!%_]/g, "!$&")}%`;
  return sql<boolean>`lower(name) LIKE ${pattern} ESCAPE '!'`;
}

function expressionOf(key: SortKey) {
  return sql<string | number>`${sql.raw(sortExpressions[key])}`;
}

/** Rows that come after the marker: equal in some first keys, then beyond it. */
function after(marker: Volume, sort: readonly VolumeSort[]) {
  const alternatives = sort.map(({ key, descending }, at) => {
    const equal = sort
      .slice(0, at)
      .map((earlier) => sql`${expressionOf(earlier.key)} = ${markerValue(marker, earlier.key)}`);
    const beyond = sql`${expressionOf(key)} ${sql.raw(descending ? "<" : ">")} ${markerValue(marker, key)}`;
    return sql`(${sql.join([...equal, beyond], sql` AND `)})`;
  });
  return sql<boolean>`(${sql.join(alternatives, sql` OR `)})`;
}

function markerValue(volume: Volume, key: SortKey): string | number {
  switch (key) {
    case "name":
    case "display_name":
      return volume.name ?? "";
    case "updated_at":
      return volume.updated_at ?? 0;
    default:
      return volume[key];
  }
}

/** `name:asc,size` or the older `sort_key` and `sort_dir`. */
export function parseSort(query: {
  readonly sort?: string;
  readonly sort_key?: string;
  readonly sort_dir?: string;
}): VolumeSort[] {
  if (query.sort === undefined) {
    return query.sort_key === undefined ? [] : [sortOf(query.sort_key, query.sort_dir ?? "desc")];
  }
  if (query.sort_key !== undefined || query.sort_dir !== undefined) throw errors.sortTwice();
  return query.sort.split(",").flatMap((part) => {
    const [key = "", direction = "desc"] = part.trim().split(":");
    return key === "" ? [] : [sortOf(key, direction)];
  });
}

function sortOf(key: string, direction: string): VolumeSort {
  if (!isSortKey(key)) throw errors.badSort(key);
  if (direction !== "asc" && direction !== "desc") throw errors.badDirection();
  return { key, descending: direction === "desc" };
}
