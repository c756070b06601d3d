// What a client may do to an answer: sort a list, take one page of it, and keep a few columns, by RabbitMQ's
// query parameters.
import { managementErrors } from "./errors.ts";
import type { JsonObject, Result } from "./routes.ts";

const pageSizeDefault = 100;
const pageSizeMax = 500;

/** The JSON to send. */
export function shaped(
  result: Exclude<Result, { readonly location?: string }>,
  query: URLSearchParams,
): unknown {
  const columns = query.get("columns")?.split(",") ?? null;
  const cut = (given: unknown) =>
    columns === null || !isObject(given) ? given : withColumns(given, columns);
  if (!("list" in result)) return cut(result.value);
  const sorted = inOrder(result.list, query);
  if (!result.isPaged || !query.has("page")) return sorted.map(cut);
  const page = pageOf(sorted, query);
  return { ...page, items: page.items.map(cut) };
}

function inOrder(items: readonly JsonObject[], query: URLSearchParams): readonly JsonObject[] {
  const column = query.get("sort");
  if (column === null) return items;
  const direction = query.get("sort_reverse") === "true" ? -1 : 1;
  const path = column.split(".");
  const keyed = items.map((item) => ({ item, key: at(item, path) }));
  return keyed.sort((one, other) => direction * compare(one.key, other.key)).map(({ item }) => item);
}

/** Numbers before texts, and what has no such column first. */
function compare(one: unknown, other: unknown): number {
  if (one === other) return 0;
  if (one === undefined || one === null) return -1;
  if (other === undefined || other === null) return 1;
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one !== typeof other) return typeof one < typeof other ? -1 : 1;
  return String(one) < String(other) ? -1 : 1;
}

function pageOf(items: readonly JsonObject[], query: URLSearchParams) {
  const page = wholeNumber(query.get("page"));
  const size = query.has("page_size") ? wholeNumber(query.get("page_size")) : pageSizeDefault;
  if (page < 1 || size < 1 || size > pageSizeMax)
    throw managementErrors.badPages(String(page), query.has("page_size") ? String(size) : "undefined");
  const isNamed = namePredicate(query);
  const filtered = items.filter(isNamed);
  const pageCount = Math.ceil(filtered.length / size);
  if (page > Math.max(1, pageCount)) throw managementErrors.pageOutOfRange(page, size, filtered.length);
  const shown = filtered.slice((page - 1) * size, page * size);
  return {
    filtered_count: filtered.length,
    item_count: shown.length,
    items: shown,
    page,
    page_count: pageCount,
    page_size: size,
    total_count: items.length,
  };
}

function namePredicate(query: URLSearchParams): (item: JsonObject) => boolean {
  const name = query.get("name") ?? "";
  if (name === "") return () => true;
  if (query.get("use_regex") !== "true")
    return (item) => String(item["name"]).toLowerCase().includes(name.toLowerCase());
  const pattern = patternOf(name);
  return (item) => pattern.test(String(item["name"]));
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch (error) {
    if (error instanceof SyntaxError) throw badPagination();
    throw error;
  }
}

function wholeNumber(text: string | null): number {
  if (text === null || !/^-?\d{1,9}$/.test(text)) throw badPagination();
  return Number(text);
}

const badPagination = () => managementErrors.badRequest("Pagination parameters are invalid");

/** `message_stats.publish` keeps that much of the object `message_stats`. */
function withColumns(item: JsonObject, columns: readonly string[]): JsonObject {
  const kept: Record<string, unknown> = {};
  for (const column of columns) {
    const path = column.split(".");
    const found = at(item, path);
    if (found !== undefined) keep(kept, path, found);
  }
  return kept;
}

function keep(into: Record<string, unknown>, [name = "", ...rest]: readonly string[], found: unknown): void {
  if (rest.length === 0) {
    into[name] = found;
    return;
  }
  const inner = isObject(into[name]) ? { ...into[name] } : {};
  keep(inner, rest, found);
  into[name] = inner;
}

function at(item: unknown, path: readonly string[]): unknown {
  let found = item;
  for (const name of path) {
    if (!isObject(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return found;
}

function isObject(given: unknown): given is JsonObject {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}
