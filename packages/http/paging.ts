// Marker paging, as all of OpenStack's lists have it.
import { httpErrors } from "./errors.ts";

/** Marker paging: `limit` and `marker` checked, capped at `max`. */
export interface Page {
  readonly limit: number;
  readonly marker: string | null;
}

interface Paged {
  readonly query: unknown;
  readonly url: string;
  readonly origin: string;
}

// OpenStack's own limit of a page.
const limitMaxDefault = 1_000;

/** The page asked for. `byDefault` is the limit where none is asked, else `max`. */
export function pageOf(
  request: Pick<Paged, "query">,
  options: { readonly max?: number; readonly byDefault?: number } = {},
): Page {
  const max = options.max ?? limitMaxDefault;
  const limit = last(request.query, "limit");
  const marker = last(request.query, "marker");
  if (limit === null) return { limit: Math.min(max, options.byDefault ?? max), marker };
  if (!/^\d{1,9}$/.test(limit)) throw httpErrors.badLimit(limit);
  return { limit: Math.min(max, Number(limit)), marker };
}

/** The address of the page after the item `marker`: what was asked, with its marker replaced. */
export function nextUrl(request: Pick<Paged, "url" | "origin">, marker: string): string {
  const url = new URL(request.url, request.origin);
  url.searchParams.set("marker", marker);
  return url.href;
}

/**
 * `{ servers_links: [{ rel: "next", href }] }` when the page is full, else nothing: to be spread into the
 * answer.
 */
export function nextLinks(
  request: Pick<Paged, "url" | "origin">,
  options: { readonly key: string; readonly page: Page; readonly ids: readonly string[] },
): Record<string, readonly { readonly rel: string; readonly href: string }[]> {
  const lastId = options.ids.at(-1);
  if (lastId === undefined || options.ids.length < options.page.limit) return {};
  return { [options.key]: [{ rel: "next", href: nextUrl(request, lastId) }] };
}

function last(query: unknown, key: string): string | null {
  const value: unknown = typeof query === "object" && query !== null ? Reflect.get(query, key) : undefined;
  const one: unknown = Array.isArray(value) ? value.at(-1) : value;
  return typeof one === "string" ? one : null;
}
