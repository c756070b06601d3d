// Reads the query of a list of images: filters, order and page, with Glance's refusals.
import { pageOf } from "@micronova/http";
import { imageErrors } from "../errors.ts";
import type { Comparison, ImageQuery, SortKey, SortTerm, TextColumn, TimeFilter } from "../image-list.ts";
import { imageStates } from "../states.ts";
import { visibilities } from "./image-schema.ts";

type Query = Readonly<Record<string, string | readonly string[]>>;

// Glance's own.
const limitDefault = 25;
const limitMax = 1_000;

const textColumns: readonly TextColumn[] = [
  "id",
  "name",
  "owner",
  "container_format",
  "disk_format",
  "checksum",
  "os_hash_value",
];
const sortKeys: readonly SortKey[] = [
  "name",
  "status",
  "container_format",
  "disk_format",
  "size",
  "id",
  "created_at",
  "updated_at",
];
const numberFilters = {
  size_min: ["size", ">="],
  size_max: ["size", "<="],
  size: ["size", "="],
  min_ram: ["min_ram", "="],
  min_disk: ["min_disk", "="],
} as const;
const comparisons: Readonly<Record<string, Comparison>> = {
  gt: ">",
  gte: ">=",
  lt: "<",
  lte: "<=",
  eq: "=",
  neq: "!=",
};
const memberStatuses = ["pending", "accepted", "rejected", "all"] as const;
// What is left over is a filter by a property of the client's own.
const others = [
  ...["limit", "marker", "sort", "sort_key", "sort_dir", "tag", "visibility", "member_status", "status"],
  ...["protected", "os_hidden", "created_at", "updated_at", "changes-since"],
  ...textColumns,
  ...Object.keys(numberFilters),
];

export function imageQueryOf(query: Query): ImageQuery {
  const given = Object.keys(query);
  return {
    texts: textColumns
      .filter((column) => column in query)
      .map((column) => ({ column, anyOf: anyOf(one(query, column) ?? "") })),
    statuses: statusesOf(one(query, "status")),
    numbers: numbersOf(query),
    times: (["created_at", "updated_at"] as const).flatMap((column) => timesOf(column, query)),
    protected: booleanOf(query, "protected"),
    osHidden: booleanOf(query, "os_hidden") ?? false,
    visibility: oneOf(query, "visibility", [...visibilities, "all"] as const),
    memberStatus: oneOf(query, "member_status", memberStatuses) ?? "accepted",
    tags: [query["tag"] ?? []].flat(),
    properties: Object.fromEntries(
      given.filter((key) => !others.includes(key)).map((key) => [key, one(query, key) ?? ""]),
    ),
    sort: sortOf(query),
    page: pageOf({ query }, { max: limitMax, byDefault: limitDefault }),
  };
}

function one(query: Query, key: string): string | null {
  return [query[key] ?? []].flat().at(-1) ?? null;
}

/** `in:a,"b,c"` is any of several; else the value itself. */
function anyOf(value: string): string[] {
  if (!value.startsWith("in:")) return [value];
  const items = [...value.slice(3).matchAll(/"((?:[^"\\]|\\.)*)"|([^,"]+)/g)];
  return items.map(([, quoted, plain]) => quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "");
}

function statusesOf(value: string | null): ImageQuery["statuses"] {
  if (value === null) return null;
  const wanted = anyOf(value);
  return imageStates.stable.filter((status) => wanted.includes(status));
}

function numbersOf(query: Query): ImageQuery["numbers"] {
  return Object.entries(numberFilters).flatMap(([key, [column, comparison]]) => {
    const value = one(query, key);
    if (value === null) return [];
    if (!/^\d{1,15}$/.test(value)) throw imageErrors.badFilter(`Invalid value for option ${key}: ${value}`);
    return [{ column, comparison, value: Number(value) }];
  });
}

function timesOf(column: "created_at" | "updated_at", query: Query): TimeFilter[] {
  return [query[column] ?? []].flat().map((value) => {
    const [, name, text] = /^(?:(gt|gte|lt|lte|eq|neq):)?(.*)$/s.exec(value) ?? [];
    const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text ?? "") ? text : `${text}Z`;
    const at = Date.parse(zoned ?? "");
    if (Number.isNaN(at)) throw imageErrors.badFilter(`Invalid time value for option ${column}: ${value}`);
    return { column, comparison: comparisons[name ?? "eq"] ?? "=", at };
  });
}

function booleanOf(query: Query, key: string): boolean | null {
  const value = one(query, key)?.toLowerCase();
  if (value === undefined) return null;
  if (value !== "true" && value !== "false")
    throw imageErrors.badFilter(`Invalid value for option ${key}: ${value}`);
  return value === "true";
}

function oneOf<const T extends string>(query: Query, key: string, values: readonly T[]): T | null {
  const value = one(query, key);
  if (value === null) return null;
  const known = values.find((item) => item === value);
  if (known === undefined) throw imageErrors.badFilter(`Invalid ${key.replace("_", " ")} value: ${value}`);
  return known;
}

function sortOf(query: Query): readonly SortTerm[] {
  const classic = [query["sort_key"] ?? []].flat();
  const directions = [query["sort_dir"] ?? []].flat();
  const combined = one(query, "sort");
  if (combined !== null && classic.length + directions.length > 0) {
    throw imageErrors.badFilter("Old and new sorting syntax cannot be combined");
  }
  const asked = combined?.split(",").map((term) => term.trim().split(":")) ?? [
    ...classic.map((key, at) => [key, directions[at] ?? directions[0]]),
  ];
  const terms = asked.length > 0 ? asked : [["created_at", directions[0]]];
  return terms.map(([key, direction = "desc"]) => {
    const known = sortKeys.find((name) => name === key);
    if (known === undefined)
      throw imageErrors.badFilter(`Invalid sort key: ${key}. It must be one of ${sortKeys}.`);
    if (direction !== "asc" && direction !== "desc") {
      throw imageErrors.badFilter(`Invalid sort direction: ${direction}`);
    }
    return { key: known, direction };
  });
}
