// What Keystone's lists have in common: filters by attribute, `limit` and `marker`, and their links.
import { type ApiRequest, nextUrl } from "@micronova/http";

export type Asked = Pick<ApiRequest<unknown, unknown>, "baseUrl" | "origin" | "url" | "query">;
type Entity = Readonly<Record<string, unknown>>;

/** The answer to a list: what passes the query's filters, one page of it when a limit is asked. */
export function collection(
  request: Asked,
  key: string,
  items: readonly Entity[],
  attributes: readonly string[] = ["name"],
): Entity {
  const query = queryOf(request);
  const kept = items.filter((item) => attributes.every((attribute) => passes(item, attribute, query)));
  const { page, next } = paged(request, kept, query);
  return { [key]: page, links: { self: selfUrl(request), previous: null, next } };
}

export function selfUrl(request: Asked): string {
  return `${request.origin}${request.url}`;
}

/** The query's keys with their last values. */
export function queryOf(request: Pick<Asked, "query">): Readonly<Record<string, string>> {
  const given = typeof request.query === "object" && request.query !== null ? request.query : {};
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, String([value].flat().at(-1))]),
  );
}

/** `?effective`, `?effective=true` and `?effective=1` all say yes. */
export function isSaid(query: Readonly<Record<string, string>>, key: string): boolean {
  const value = query[key];
  return value !== undefined && isTrue(value);
}

type Comparison = (value: string, wanted: string) => boolean;
const comparisons: Readonly<Record<string, Comparison>> = {
  equals: (value, wanted) => value === wanted,
  iequals: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  contains: (value, wanted) => value.includes(wanted),
  icontains: (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
  startswith: (value, wanted) => value.startsWith(wanted),
  istartswith: (value, wanted) => value.toLowerCase().startsWith(wanted.toLowerCase()),
  endswith: (value, wanted) => value.endsWith(wanted),
  iendswith: (value, wanted) => value.toLowerCase().endsWith(wanted.toLowerCase()),
};

function passes(item: Entity, attribute: string, query: Readonly<Record<string, string>>): boolean {
  const value = item[attribute];
  const exact = query[attribute];
  if (exact !== undefined && !equals(value, exact)) return false;
  return Object.entries(comparisons).every(([name, compare]) => {
    const wanted = query[`${attribute}__${name}`];
    return wanted === undefined || (typeof value === "string" && compare(value, wanted));
  });
}

function equals(value: unknown, wanted: string): boolean {
  return typeof value === "boolean" ? value === isTrue(wanted) : String(value ?? "") === wanted;
}

function isTrue(text: string): boolean {
  return !["0", "false", "no", "off"].includes(text.toLowerCase());
}

function paged(request: Asked, items: readonly Entity[], query: Readonly<Record<string, string>>) {
  const limit = Number.parseInt(query["limit"] ?? "", 10);
  const marker = query["marker"];
  const from = marker === undefined ? 0 : items.findIndex((item) => item["id"] === marker) + 1;
  if (!(limit > 0)) return { page: items.slice(from), next: null };
  const page = items.slice(from, from + limit);
  const last = page.at(-1);
  const hasMore = from + limit < items.length;
  return { page, next: hasMore && last !== undefined ? nextUrl(request, String(last["id"])) : null };
}
