// Finds the routes of a path: a tree of segments, where a fixed segment is preferred to a parameter.

/** What a route must say to be found. */
export interface Routable {
  readonly method: string;
  readonly path: string;
}

export interface Match<R> {
  readonly routes: readonly R[];
  readonly params: Readonly<Record<string, string>>;
}

/** What a path leads to: routes of the method, or the methods that it has, or nothing. */
export type Found<R extends Routable> = Match<R> | { readonly allowed: readonly R["method"][] } | null;

export interface Router<R extends Routable> {
  find(method: string, path: string): Found<R>;
}

export interface RouterOptions {
  /** Whether a parameter may be empty: somewhere the empty name is a name. */
  readonly emptyParameters?: boolean;
}

interface Node<R> {
  readonly fixed: Map<string, Node<R>>;
  readonly parameter: { node: Node<R> | null };
  readonly rest: { node: Node<R> | null };
  /** Routes differ in their parameters' names even where their paths are alike. */
  readonly routes: Map<string, { readonly route: R; readonly names: readonly string[] }[]>;
}

/** Builds the tree. `:name` is one segment; `*` at the end is the rest of the path, as the parameter `*`. */
export function router<R extends Routable>(routes: readonly R[], options: RouterOptions = {}): Router<R> {
  const root = node<R>();
  for (const route of routes) add(root, route);
  const { emptyParameters = false } = options;
  return {
    find(method, path) {
      const segments = split(path);
      const walked = { segments, method, emptyParameters };
      const end = walk(root, walked, 0) ?? walk(root, { ...walked, method: null }, 0);
      if (end === null) return null;
      const routesThere = end.node.routes.get(method);
      // Only routes put methods there.
      if (routesThere === undefined) return { allowed: [...end.node.routes.keys()] as R["method"][] };
      const names = routesThere[0]?.names ?? [];
      const params = Object.fromEntries(names.map((name, at) => [name, end.values[at] ?? ""]));
      return { routes: routesThere.map(({ route }) => route), params };
    },
  };
}

function node<R>(): Node<R> {
  return { fixed: new Map(), parameter: { node: null }, rest: { node: null }, routes: new Map() };
}

function add<R extends Routable>(root: Node<R>, route: R): void {
  const names: string[] = [];
  let at = root;
  for (const segment of split(route.path)) {
    if (segment.startsWith(":") || segment === "*") {
      const slot = segment === "*" ? at.rest : at.parameter;
      names.push(segment === "*" ? "*" : segment.slice(1));
      slot.node ??= node();
      at = slot.node;
    } else {
      const next = at.fixed.get(segment) ?? node<R>();
      at.fixed.set(segment, next);
      at = next;
    }
  }
  const there = at.routes.get(route.method) ?? [];
  there.push({ route, names });
  at.routes.set(route.method, there);
}

interface Walked {
  readonly segments: readonly string[];
  readonly method: string | null;
  readonly emptyParameters: boolean;
}

interface End<R> {
  readonly node: Node<R>;
  readonly values: readonly string[];
}

/**
 * The node a path ends at which has routes (of the method, if one is asked for); tries fixed segments first.
 */
function walk<R>(at: Node<R>, walked: Walked, depth: number): End<R> | null {
  const { segments, method } = walked;
  const segment = segments[depth];
  if (segment === undefined) {
    const isEnd = method === null ? at.routes.size > 0 : at.routes.has(method);
    return isEnd ? { node: at, values: [] } : null;
  }
  const fixed = at.fixed.get(segment);
  const found = fixed === undefined ? null : walk(fixed, walked, depth + 1);
  if (found !== null) return found;
  const isMissing = at.parameter.node === null || (segment === "" && !walked.emptyParameters);
  const value = isMissing ? null : decode(segment);
  const under = value === null ? null : walk(at.parameter.node!, walked, depth + 1);
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
