// A list's query as filters, order and page. What a user may not filter by is dropped in silence, as Nova
// drops it.
import type { ApiContext } from "@micronova/http";
import { type Span, since } from "@micronova/http";
import { errors } from "../errors.ts";
import { likePatterns, type PatternColumn, type ServerFilters } from "../server-filters.ts";
import { type ServerPage, type ServerSort, sortColumns } from "../server-list.ts";
import { conditionsOf } from "../states.ts";
import { readBool } from "./schemas/parts.ts";

type Query = Readonly<Record<string, readonly string[] | undefined>>;

interface ListRequest {
  readonly context: ApiContext;
  readonly query: Query;
  does(span: Span): boolean;
}

export interface ServerListQuery {
  readonly filters: ServerFilters;
  readonly page: ServerPage;
  /** Patterns of addresses, applied to what was read: addresses are the network's. */
  readonly addressPatterns: readonly string[] | null;
  /** A status that no server can have: the list is empty without asking. */
  readonly isEmpty: boolean;
}

export function listQuery(request: ListRequest, limitMax: number): ServerListQuery {
  const { query, context } = request;
  const status = query["status"];
  const isUnknown = status?.some((word) => conditionsOf(word).length === 0) ?? false;
  if (isUnknown && request.does(since("2.38"))) throw errors.badStatus(status?.join(", ") ?? "");
  const isDeleted = status?.some((word) => word.toUpperCase() === "DELETED") ?? false;
  if (isDeleted && !context.isAdmin) throw errors.onlyAdmin("os_compute_api:servers:allow_all_filters");
  const address = query["ip"]?.at(-1) ?? query["ip6"]?.at(-1);
  return {
    filters: { ...commonFilters(request, isDeleted), ...(context.isAdmin ? adminFilters(query) : {}) },
    page: pageOf(query, context, limitMax),
    addressPatterns: address === undefined ? null : likePatterns(address),
    isEmpty: isUnknown,
  };
}

/** Columns by the names that queries have for them. */
const patternKeys: Readonly<Record<string, PatternColumn>> = {
  name: "name",
  display_name: "name",
  reservation_id: "reservation_id",
  hostname: "hostname",
  key_name: "key_name",
  availability_zone: "availability_zone",
};
const adminPatternKeys: Readonly<Record<string, PatternColumn>> = {
  ...patternKeys,
  description: "description",
  display_description: "description",
  kernel_id: "kernel_id",
  ramdisk_id: "ramdisk_id",
  node: "node",
  access_ip_v4: "access_ip_v4",
  access_ip_v6: "access_ip_v6",
  root_device_name: "root_device_name",
  locked_by: "locked_by",
};

function commonFilters(request: ListRequest, isDeleted: boolean): ServerFilters {
  const { query, context, does } = request;
  const one = (key: string) => query[key]?.at(-1);
  const [locked, configDrive] = [one("locked"), one("config_drive")];
  const isFromTo = one("changes-since") !== undefined;
  return {
    ...ownerFilter(query, context),
    ...present("image", one("image") ?? one("image_ref")),
    ...present("flavor", one("flavor")),
    ...present("status", query["status"]),
    ...present("locked", locked === undefined ? undefined : (readBool(locked) ?? undefined)),
    ...present("config_drive", readBool(configDrive) ?? undefined),
    ...present("changes-since", timeOf("changes-since", one("changes-since"))),
    ...present("changes-before", timeOf("changes-before", one("changes-before"))),
    ...(isFromTo ? { deleted: "any" } : isDeleted ? { deleted: true } : {}),
    ...present("metadata", metadataOf(one("metadata"))),
    ...present("tags", tagsOf(one("tags"))),
    ...present("tags-any", tagsOf(one("tags-any"))),
    ...present("not-tags", tagsOf(one("not-tags"))),
    ...present("not-tags-any", tagsOf(one("not-tags-any"))),
    ...(does(since("2.83")) ? stateFilters(query) : {}),
    patterns: patternsOf(query, context.isAdmin ? adminPatternKeys : patternKeys),
  };
}

/** Whose servers: those of the token's project, unless an administrator asks for all. */
function ownerFilter(query: Query, context: ApiContext): Pick<ServerFilters, "project_id"> {
  const asked = query["all_tenants"]?.at(-1);
  const isAll = asked === undefined ? false : asked === "" ? true : readAllTenants(asked);
  if (!isAll) return { project_id: context.projectId ?? "" };
  if (!context.isAdmin) throw errors.allTenantsForbidden();
  const project = query["project_id"]?.at(-1) ?? query["tenant_id"]?.at(-1);
  return project === undefined ? {} : { project_id: project };
}

const trueWords = ["1", "t", "true", "on", "y", "yes"];
const falseWords = ["0", "f", "false", "off", "n", "no"];

function readAllTenants(word: string): boolean {
  const lower = word.toLowerCase();
  if (trueWords.includes(lower)) return true;
  if (falseWords.includes(lower)) return false;
  throw errors.badBoolean(word);
}

function stateFilters(query: Query): ServerFilters {
  const one = (key: string) => query[key]?.at(-1);
  const power = one("power_state");
  return {
    ...present("vm_state", one("vm_state")),
    ...present("task_state", one("task_state")),
    ...present("user_id", one("user_id")),
    ...present("power_state", power === undefined || !/^\d$/.test(power) ? undefined : Number(power)),
  };
}

function adminFilters(query: Query): ServerFilters {
  const one = (key: string) => query[key]?.at(-1);
  const deleted = one("deleted");
  return {
    ...stateFilters(query),
    ...present("host", one("host")),
    ...present("id", query["uuid"]),
    ...(deleted !== undefined && trueWords.includes(deleted.toLowerCase()) ? { deleted: true } : {}),
  };
}

function patternsOf(query: Query, keys: Readonly<Record<string, PatternColumn>>) {
  const patterns: Partial<Record<PatternColumn, string>> = {};
  for (const [key, column] of Object.entries(keys)) {
    const pattern = query[key]?.at(-1);
    if (pattern !== undefined) patterns[column] = pattern;
  }
  return patterns;
}

function pageOf(query: Query, context: ApiContext, limitMax: number): ServerPage {
  const limit = query["limit"]?.at(-1);
  const directions = query["sort_dir"] ?? [];
  const sort = (query["sort_key"] ?? []).flatMap((key, at) => sortOf(key, directions[at], context));
  return {
    limit: limit === undefined ? limitMax : Math.min(limitMax, Number(limit)),
    marker: query["marker"]?.at(-1) ?? null,
    sort,
  };
}

/** Names of Nova's other columns, accepted and without effect. */
const ignoredSortKeys: ReadonlySet<string> = new Set(
  (
    "architecture cell_name cleaned default_ephemeral_device default_swap_device deleted deleted_at " +
    "disable_terminate ephemeral_gb ephemeral_key_uuid id key_data launched_on memory_mb os_type reservation_id " +
    "root_gb shutdown_terminate user_data vcpus vm_mode"
  ).split(" "),
);
const adminSortKeys: ReadonlySet<string> = new Set(["host", "node"]);

function sortOf(key: string, direction: string | undefined, context: ApiContext): ServerSort[] {
  if (ignoredSortKeys.has(key)) return [];
  if (!isSortKey(key)) throw errors.badSortKey(key);
  if (adminSortKeys.has(key) && !context.isAdmin)
    throw errors.onlyAdmin("os_compute_api:servers:allow_all_filters");
  return [{ key: sortColumns[key], direction: direction === "asc" ? "asc" : "desc" }];
}

const isSortKey = (key: string): key is keyof typeof sortColumns => Object.hasOwn(sortColumns, key);

export function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  // A time without a zone is in UTC.
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(text);
  const at = Date.parse(hasZone ? text : `${text}Z`);
  if (Number.isNaN(at)) throw errors.badTime(name);
  return at;
}

function metadataOf(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  const value = parsed(text);
  if (typeof value !== "object" || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
}

/** Clients send JSON or Python's spelling of it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll("'", '"'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const tagsOf = (text: string | undefined) => text?.split(",");

function present<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  // The one key is K by construction; TypeScript widens computed keys to string.
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}
