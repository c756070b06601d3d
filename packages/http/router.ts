// Finds the routes of a path: a tree of segments, where a fixed segment is preferred to a parameter.
import type { AnyRoute, Method } from "./routes.ts";

export interface Match<D> {
  readonly routes: readonly AnyRoute<D>[];
  readonly params: Readonly<Record<string, string>>;
}

/** What a path leads to: routes of the method, or the methods that it has, or nothing. */
export type Found<D> = Match<D> | { readonly allowed: readonly Method[] } | null;

export interface Router<D> {
  find(method: string, path: string): Found<D>;
}

interface Node<D> {
  readonly fixed: Map<string, Node<D>>;
  readonly parameter: { node: Node<D> | null };
  readonly rest: { node: Node<D> | null };
  /** Routes differ in their parameters' names even where their paths are alike. */
  readonly routes: Map<string, { readonly route: AnyRoute<D>; readonly names: readonly string[] }[]>;
}

/** Builds the tree. `:name` is one segment; `*` at the end is the rest of the path, as the parameter `*`. */
export function router<D>(routes: readonly AnyRoute<D>[]): Router<D> {
  const root = node<D>();
  for (const route of routes) add(root, route);
  return {
    find(method, path) {
      const segments = split(path);
      const end = walk(root, segments, 0, method) ?? walk(root, segments, 0, null);
      if (end === null) return null;
      const routesThere = end.node.routes.get(method);
      if (routesThere === undefined) {
        // Only routes put methods there.
        return { allowed: [...end.node.routes.keys()] as Method[] };
      }
      const names = routesThere[0]?.names ?? [];
      const params = Object.fromEntries(names.map((name, at) => [name, end.values[at] ?? ""]));
      return { routes: routesThere.map(({ route }) => route), params };
    },
  };
}

function node<D>(): Node<D> {
  return { fixed: new Map(), parameter: { node: null }, rest: { node: null }, routes: new Map() };
}

function add<D>(root: Node<D>, route: AnyRoute<D>): void {
  const names: string[] = [];
  let at = root;
  for (const segment of split(route.path)) {
    if (segment.startsWith(":") || segment === "*") {
      const slot = segment === "*" ? at.rest : at.parameter;
      names.push(segment === "*" ? "*" : segment.slice(1));
      slot.node ??= node();
      at = slot.node;
    } else {
      const next = at.fixed.get(segment) ?? node<D>();
      at.fixed.set(segment, next);
      at = next;
    }
  }
  const there = at.routes.get(route.method) ?? [];
  there.push({ route, names });
  at.routes.set(route.method, there);
}

interface End<D> {
  readonly node: Node<D>;
  readonly values: readonly string[];
}

/**
 * The node a path ends at which has routes (of the method, if one is asked for); tries fixed segments first.
 */
function walk<D>(
  at: Node<D>,
  segments: readonly string[],
  depth: number,
  method: string | null,
): End<D> | null {
  const segment = segments[depth];
  if (segment === undefined) {
    const isEnd = method === null ? at.routes.size > 0 : at.routes.has(method);
    return isEnd ? { node: at, values: [] } : null;
  }
  const fixed = at.fixed.get(segment);
  const found = fixed === undefined ? null : walk(fixed, segments, depth + 1, method);
  if (found !== null) return found;
  const value = at.parameter.node === null || segment === "" ? null : decode(segment);
  const under = value === null ? null : walk(at.parameter.node!, segments, depth + 1, method);
  if (under !== null && value !== null) return { node: under.node, values: [value, ...under.values] };
  if (at.rest.node === null) return null;
  return { node: at.rest.node, values: [segments.slice(depth).join("/")] };
}

/** The segments of a path; one slash at its end does not count. */
function split(path: string): string[] {
  const start = path.startsWith("/") ? 1 : 0;
  const end = path.length > start && path.endsWith("/") ? path.length - 1 : path.length;
  return end <= start ? [] : path.slice(start, end).split("/");
}

function decode(segment: string): string | null {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    // A broken escape names nothing: no route.
    if (error instanceof URIError) return null;
    throw error;
  }
}
