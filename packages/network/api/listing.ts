// Neutron's lists: any attribute filters, any attribute sorts, `fields` picks, `limit` and `marker` page.
import { errors } from "../errors.ts";

export type Item = Readonly<Record<string, unknown>>;
type Values = readonly string[];
type Query = Readonly<Record<string, unknown>>;

interface Asked {
  readonly query: unknown;
  readonly url: string;
  readonly origin: string;
}

const reserved = new Set([
  "fields",
  "limit",
  "marker",
  "page_reverse",
  "sort_key",
  "sort_dir",
  "changed_since",
]);
const tagFilters = ["tags", "tags-any", "not-tags", "not-tags-any"] as const;

/** The answer to a list request, under the collection's name. */
export function listOf(asked: Asked, collection: string, items: readonly Item[]): Item {
  // A route without a schema has the query as it came.
  const query = asked.query as Query;
  const sorted = sort(query, items.filter(filterOf(query)));
  const { page, links } = paged(asked, query, sorted);
  const answer = { [collection]: page.map((item) => pick(query, item)) };
  return links.length === 0 ? answer : { ...answer, [`${collection}_links`]: links };
}

/** One item with only the fields asked for. */
export function shown(asked: Pick<Asked, "query">, name: string, item: Item): Item {
  return { [name]: pick(asked.query as Query, item) };
}

function valuesOf(query: Query, key: string): Values {
  const value = query[key];
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String);
}

function filterOf(query: Query): (item: Item) => boolean {
  const keys = Object.keys(query).filter((key) => !reserved.has(key) && !isTagFilter(key));
  const wishes = keys.map((key) => [key, valuesOf(query, key)] as const);
  return (item) =>
    // What is no attribute filters nothing, as in Neutron without filter validation.
    wishes.every(([key, values]) => !Object.hasOwn(item, key) || matches(item[key], values)) &&
    tagsMatch(query, item);
}

const isTagFilter = (key: string) => tagFilters.some((name) => name === key);

/** Several values are alternatives. */
function matches(attribute: unknown, values: Values): boolean {
  if (Array.isArray(attribute)) return values.some((value) => attribute.some((one) => elementIs(one, value)));
  return values.some((value) => {
    if (typeof attribute === "boolean") return /^(true|1|yes|on)$/i.test(value) === attribute;
    if (attribute === null) return value === "" || /^(none|null)$/i.test(value);
    return String(attribute) === value;
  });
}

/** `fixed_ips=ip_address=10.0.0.5`, `security_groups=<id>`. */
function elementIs(element: unknown, value: string): boolean {
  if (typeof element !== "object" || element === null) return String(element) === value;
  const at = value.indexOf("=");
  const [key, wanted] = [value.slice(0, at), value.slice(at + 1)];
  if (key.endsWith("_substr")) return String(Reflect.get(element, key.slice(0, -7))).includes(wanted);
  return String(Reflect.get(element, key)) === wanted;
}

function tagsMatch(query: Query, item: Item): boolean {
  const own = Array.isArray(item["tags"]) ? item["tags"] : [];
  const wish = (name: (typeof tagFilters)[number]) => {
    const tags = valuesOf(query, name).flatMap((value) => value.split(","));
    return tags.length === 0 ? null : tags.map((tag) => own.includes(tag));
  };
  const [all, any, notAll, notAny] = tagFilters.map(wish);
  return (
    (all ?? []).every(Boolean) &&
    (any ?? [true]).some(Boolean) &&
    !(notAll ?? [false]).every(Boolean) &&
    !(notAny ?? []).some(Boolean)
  );
}

function sort(query: Query, items: readonly Item[]): readonly Item[] {
  const keys = valuesOf(query, "sort_key");
  const directions = valuesOf(query, "sort_dir");
  if (keys.length === 0) return items;
  if (directions.length > 0 && directions.length !== keys.length) {
    throw errors.badRequest("The number of sort_keys and sort_dirs must be same");
  }
  const bad = keys.find((key) => items.length > 0 && !Object.hasOwn(items[0]!, key));
  if (bad !== undefined) throw errors.badRequest(`['${bad}'] is invalid attribute for sort_keys`);
  return items.toSorted((a, b) => {
    for (const [at, key] of keys.entries()) {
      const order = compare(a[key], b[key]);
      if (order !== 0) return directions[at] === "desc" ? -order : order;
    }
    return compare(a["id"], b["id"]);
  });
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a ?? ""), String(b ?? "")];
  return left < right ? -1 : left > right ? 1 : 0;
}

interface Link {
  readonly rel: "next" | "previous";
  readonly href: string;
}

function paged(
  asked: Asked,
  query: Query,
  items: readonly Item[],
): { readonly page: readonly Item[]; readonly links: readonly Link[] } {
  const [limitText] = valuesOf(query, "limit");
  if (limitText === undefined) return { page: items, links: [] };
  if (!/^\d{1,9}$/.test(limitText)) {
    throw errors.badRequest(`Limit must be an integer 0 or greater and not '${limitText}'`);
  }
  const limit = Number(limitText) || items.length;
  const isReverse = /^true$/i.test(valuesOf(query, "page_reverse")[0] ?? "");
  const [marker] = valuesOf(query, "marker");
  const at = marker === undefined ? null : items.findIndex((item) => item["id"] === marker);
  if (at === -1) throw errors.badRequest(`The marker '${marker}' does not exist`);
  const end = at === null ? items.length : at;
  const start = isReverse ? Math.max(0, end - limit) : at === null ? 0 : at + 1;
  const page = isReverse ? items.slice(start, end) : items.slice(start, start + limit);
  return { page, links: linksOf(asked, page, { isFull: page.length === limit, hasMarker: at !== null }) };
}

function linksOf(
  asked: Asked,
  page: readonly Item[],
  { isFull, hasMarker }: { readonly isFull: boolean; readonly hasMarker: boolean },
): readonly Link[] {
  const href = (item: Item, reverse: boolean) => {
    const url = new URL(asked.url, asked.origin);
    url.searchParams.set("marker", String(item["id"]));
    if (reverse) url.searchParams.set("page_reverse", "True");
    else url.searchParams.delete("page_reverse");
    return url.href;
  };
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return [];
  return [
    ...(isFull ? [{ rel: "next", href: href(last, false) } as const] : []),
    ...(hasMarker ? [{ rel: "previous", href: href(first, true) } as const] : []),
  ];
}

function pick(query: Query, item: Item): Item {
  const fields = valuesOf(query, "fields").filter((field) => field !== "");
  if (fields.length === 0) return item;
  return Object.fromEntries(Object.entries(item).filter(([key]) => fields.includes(key)));
}
