// What a client may do to an answer: sort a list, take one page of it, and keep a few columns, by RabbitMQ's
// query parameters.
import { setImmediate } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { managementErrors } from "./errors.ts";
import type { JsonObject, Named, Pages, Result } from "./routes.ts";

const pageSizeDefault = 100;
const pageSizeMax = 500;

// How long a client's pattern may be matched: longer means that it was made to take for ever.
const patternWithinMs = 500;

// So many things are shown before others get their turn.
const turn = 500;

/**
 * The JSON to send. Put together in turns: while somebody lists a hundred thousand queues, messages go
 * through them.
 */
export async function shaped(result: Shapeable, query: URLSearchParams): Promise<string> {
  const columns = query.get("columns")?.split(",") ?? null;
  const json = (given: unknown) =>
    JSON.stringify(columns === null || !isObject(given) ? given : withColumns(given, columns));
  const listed = (items: readonly string[]) => `[${items.join(",")}]`;
  if ("value" in result) return json(result.value);
  if ("list" in result) return listed(await inTurns(inOrder(result.list, query), json));
  const { things, view } = result.pages;
  if (query.has("page")) {
    const { items, ...page } = await pageOf(result.pages, query);
    return `${JSON.stringify(page).slice(0, -1)},"items":${listed(items.map(json))}}`;
  }
  if (!query.has("sort")) return listed(await inTurns(things, (thing) => json(view(thing))));
  return listed(await inTurns(inOrder(await inTurns(things, view), query), json));
}

async function inTurns<T, R>(items: readonly T[], show: (item: T) => R): Promise<readonly R[]> {
  const shown: R[] = [];
  for (let from = 0; from < items.length; from += turn) {
    if (from > 0) await setImmediate();
    for (const item of items.slice(from, from + turn)) shown.push(show(item));
  }
  return shown;
}

type Shapeable = Exclude<Result, { readonly location?: string }>;

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

async function pageOf({ things, view }: Pages, query: URLSearchParams) {
  const page = wholeNumber(query.get("page"));
  const size = query.has("page_size") ? wholeNumber(query.get("page_size")) : pageSizeDefault;
  if (page < 1 || size < 1 || size > pageSizeMax)
    throw managementErrors.badPages(String(page), query.has("page_size") ? String(size) : "undefined");
  const filtered = named(things, query);
  const pageCount = Math.ceil(filtered.length / size);
  if (page > Math.max(1, pageCount)) throw managementErrors.pageOutOfRange(page, size, filtered.length);
  const [from, to] = [(page - 1) * size, page * size];
  const items = query.has("sort")
    ? inOrder(await inTurns(filtered, view), query).slice(from, to)
    : filtered.slice(from, to).map(view);
  return {
    filtered_count: filtered.length,
    item_count: items.length,
    items,
    page,
    page_count: pageCount,
    page_size: size,
    total_count: things.length,
  };
}

/** Those whose name holds, or by a regular expression matches, what the query asks for. */
function named(things: readonly Named[], query: URLSearchParams): readonly Named[] {
  const wanted = query.get("name") ?? "";
  if (wanted === "") return things;
  if (query.get("use_regex") === "true") return matching(things, wanted);
  const lower = wanted.toLowerCase();
  return things.filter(({ name }) => name.toLowerCase().includes(lower));
}

function matching(things: readonly Named[], pattern: string): readonly Named[] {
  const context = { pattern, names: things.map(({ name }) => name) };
  try {
    const source = "((found) => names.map((name) => found.test(name)))(new RegExp(pattern, 'i'))";
    const matches: readonly boolean[] = runInNewContext(source, context, { timeout: patternWithinMs });
    return things.filter((_, at) => matches[at]);
  } catch (error) {
    // Errors of another context are of another class: both are known by what they are called.
    const { name, code } = error as { readonly name?: string; readonly code?: string };
    if (name === "SyntaxError" || code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw badPagination();
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
