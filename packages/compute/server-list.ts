// Lists of servers: filtered, sorted, and cut into pages by a marker that works together with both.
import { sql, type Tx } from "@micronova/store";

import { errors } from "./errors.ts";
import { filtered, type ServerFilters } from "./server-filters.ts";
import type { Server } from "./tables.ts";

export interface ServerSort {
  readonly key: SortColumn;
  readonly direction: "asc" | "desc";
}

/** Sort keys of the API and the columns they mean. */
export const sortColumns = {
  access_ip_v4: "access_ip_v4",
  access_ip_v6: "access_ip_v6",
  auto_disk_config: "auto_disk_config",
  availability_zone: "availability_zone",
  config_drive: "config_drive",
  created_at: "created_at",
  display_description: "description",
  display_name: "name",
  host: "host",
  hostname: "hostname",
  image_ref: "image_id",
  instance_type_id: "flavor_id",
  kernel_id: "kernel_id",
  key_name: "key_name",
  launch_index: "launch_index",
  launched_at: "launched_at",
  locked: "locked_by",
  locked_by: "locked_by",
  node: "node",
  power_state: "power_state",
  progress: "progress",
  project_id: "project_id",
  ramdisk_id: "ramdisk_id",
  root_device_name: "root_device_name",
  task_state: "task_state",
  terminated_at: "terminated_at",
  updated_at: "updated_at",
  user_id: "user_id",
  uuid: "id",
  vm_state: "vm_state",
} as const satisfies Record<string, keyof Server>;
export type SortColumn = (typeof sortColumns)[keyof typeof sortColumns];

export interface ServerPage {
  readonly limit: number;
  readonly marker: string | null;
  readonly sort: readonly ServerSort[];
}

const defaultSort: readonly ServerSort[] = [
  { key: "created_at", direction: "desc" },
  { key: "id", direction: "desc" },
];

export async function listServers(tx: Tx, filters: ServerFilters, page: ServerPage): Promise<Server[]> {
  if (page.limit === 0) return [];
  const sort = withId(page.sort.length === 0 ? defaultSort : page.sort);
  let query = filtered(tx, filters).selectAll();
  if (page.marker !== null) {
    const marker = await tx
      .selectFrom("servers")
      .selectAll()
      .where("id", "=", page.marker)
      .executeTakeFirst();
    if (marker === undefined) throw errors.markerNotFound(page.marker);
    query = query.where(after(marker, sort));
  }
  for (const { key, direction } of sort) {
    // NULL comes first when ascending, on both engines.
    if (nullable.has(key)) query = query.orderBy(sql`${sql.ref(key)} is not null`, direction);
    query = query.orderBy(key, direction);
  }
  return await query.limit(page.limit).execute();
}

const nullable: ReadonlySet<string> = new Set<SortColumn>([
  "access_ip_v4",
  "access_ip_v6",
  "availability_zone",
  "description",
  "host",
  "image_id",
  "kernel_id",
  "key_name",
  "launched_at",
  "locked_by",
  "node",
  "ramdisk_id",
  "root_device_name",
  "task_state",
  "terminated_at",
]);

function withId(sort: readonly ServerSort[]): readonly ServerSort[] {
  return sort.some(({ key }) => key === "id") ? sort : [...sort, { key: "id", direction: "desc" }];
}

/** Rows that come after the marker: equal in the first keys and beyond it in the next. */
function after(marker: Server, sort: readonly ServerSort[]) {
  const branches = sort.map(({ key, direction }, at) => {
    const equal = sort.slice(0, at).map((earlier) => same(earlier.key, marker[earlier.key]));
    return sql`(${sql.join([...equal, beyond(key, direction, marker[key])], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join(branches, sql` or `)})`;
}

function same(key: SortColumn, value: string | number | null) {
  return value === null ? sql`${sql.ref(key)} is null` : sql`${sql.ref(key)} = ${value}`;
}

function beyond(key: SortColumn, direction: "asc" | "desc", value: string | number | null) {
  const column = sql.ref(key);
  if (direction === "asc") return value === null ? sql`${column} is not null` : sql`${column} > ${value}`;
  if (value === null) return sql`1 = 0`;
  return nullable.has(key) ? sql`(${column} < ${value} or ${column} is null)` : sql`${column} < ${value}`;
}
