// Headers: a binding names headers and values; a message is taken when all (or with `x-match: any`, one) of
// them agree. Names that begin with `x-` are not compared, except under `all-with-x` and `any-with-x`.
import { isDeepStrictEqual } from "node:util";
import type { Headers, Json } from "../bus.ts";
import type { Route, Router } from "./router.ts";

export function headersRouter<T>(): Router<T> {
  let bindings: { readonly route: Route; readonly target: T }[] = [];
  const isSame = (one: Route, other: Route) =>
    one.key === other.key && isDeepStrictEqual(one.headers ?? {}, other.headers ?? {});
  return {
    bind(route, target) {
      if (bindings.some((bound) => bound.target === target && isSame(bound.route, route))) return;
      bindings.push({ route, target });
    },
    unbind(route, target) {
      bindings = bindings.filter((bound) => bound.target !== target || !isSame(bound.route, route));
    },
    remove(target) {
      bindings = bindings.filter((bound) => bound.target !== target);
    },
    targets({ headers = {} }) {
      const taken = bindings.filter((bound) => headersMatch(bound.route.headers ?? {}, headers));
      return [...new Set(taken.map((bound) => bound.target))];
    },
    get isEmpty() {
      return bindings.length === 0;
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
