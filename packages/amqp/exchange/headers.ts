// Headers: a binding names headers and values; a message is taken when all (or with `x-match: any`, one) of
// them agree. Names that begin with `x-` are not compared, except under `all-with-x` and `any-with-x`.
import { isDeepStrictEqual } from "node:util";
import type { Headers, Json } from "../bus.ts";
import type { Route, Router } from "./router.ts";

export function headersRouter<T>(): Router<T> {
  const routesOf = new Map<T, Map<string, Headers>>();
  const idOf = ({ key, headers = {} }: Route) => JSON.stringify([key, headers]);
  return {
    bind(route, target) {
      const routes = routesOf.get(target) ?? new Map<string, Headers>();
      routes.set(idOf(route), route.headers ?? {});
      routesOf.set(target, routes);
    },
    unbind(route, target) {
      const routes = routesOf.get(target);
      routes?.delete(idOf(route));
      if (routes?.size === 0) routesOf.delete(target);
    },
    targets({ headers = {} }) {
      const taken: T[] = [];
      for (const [target, routes] of routesOf) {
        for (const wanted of routes.values()) {
          if (!headersMatch(wanted, headers)) continue;
          taken.push(target);
          break;
        }
      }
      return taken;
    },
    get isEmpty() {
      return routesOf.size === 0;
    },
  };
}

/**
 * Whether a message's headers satisfy a binding's. A binding's null value asks only that the header is there.
 */
export function headersMatch(wanted: Headers, given: Headers): boolean {
  const mode = wanted["x-match"] ?? "all";
  const withX = mode === "all-with-x" || mode === "any-with-x";
  const compared = Object.entries(wanted).filter(
    ([name]) => name !== "x-match" && (withX || !name.startsWith("x-")),
  );
  const agrees = ([name, value]: readonly [string, Json]) =>
    Object.hasOwn(given, name) && (value === null || isDeepStrictEqual(given[name], value));
  return mode === "any" || mode === "any-with-x" ? compared.some(agrees) : compared.every(agrees);
}
