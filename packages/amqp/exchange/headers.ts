// Headers: a binding names headers and values; a message is taken when all (or with `x-match: any`, one) of
// them agree. Names that begin with `x-` are not compared, except under `all-with-x` and `any-with-x`.
import { isDeepStrictEqual } from "node:util";
import type { Headers, Json } from "../bus.ts";
import type { Route, Router } from "./router.ts";
import { TargetSet } from "./target-set.ts";

export function headersRouter<T>(): Router<T> {
  const bindings = new Map<string, HeadersBinding<T>>();
  /** Under what a message must have for a binding to be looked at; under nothing when any message will do. */
  const byHint = new Map<string, Set<HeadersBinding<T>>>();
  return {
    bind(route, target) {
      const id = idOf(route);
      const known = bindings.get(id);
      if (known !== undefined) {
        known.targets.add(target);
        return;
      }
      const binding = { wanted: route.headers ?? {}, targets: new TargetSet<T>() };
      binding.targets.add(target);
      bindings.set(id, binding);
      for (const hint of hintsOf(binding.wanted)) {
        const others = byHint.get(hint) ?? new Set();
        byHint.set(hint, others.add(binding));
      }
    },
    unbind(route, target) {
      const id = idOf(route);
      const binding = bindings.get(id);
      binding?.targets.delete(target);
      if (binding?.targets.isEmpty !== true) return;
      bindings.delete(id);
      for (const hint of hintsOf(binding.wanted)) {
        const others = byHint.get(hint);
        others?.delete(binding);
        if (others?.size === 0) byHint.delete(hint);
      }
    },
    targets({ headers = {} }) {
      const found = new Set<T>();
      const look = (hint: string) => {
        for (const { wanted, targets } of byHint.get(hint) ?? [])
          if (headersMatch(wanted, headers)) for (const target of targets.all) found.add(target);
      };
      look(anything);
      for (const [name, value] of Object.entries(headers)) {
        look(hintOf(name, null));
        if (value !== null) look(hintOf(name, value));
      }
      return [...found];
    },
    get isEmpty() {
      return bindings.size === 0;
    },
  };
}

interface HeadersBinding<T> {
  readonly wanted: Headers;
  readonly targets: TargetSet<T>;
}

const anything = "";

function idOf({ key, headers = {} }: Route): string {
  return JSON.stringify([key, headers]);
}

/** What a header's presence, or its value, is found by. */
function hintOf(name: string, value: Json): string {
  return JSON.stringify(value === null ? [name] : [name, value]);
}

/** Of all headers that a binding wants one is enough to find it by; where any will do, each is. */
function hintsOf(wanted: Headers): readonly string[] {
  const compared = comparedOf(wanted).map(([name, value]) => hintOf(name, value));
  return isAny(wanted) ? compared : compared.length === 0 ? [anything] : compared.slice(0, 1);
}

/**
 * Whether a message's headers satisfy a binding's. A binding's null value asks only that the header is there.
 */
export function headersMatch(wanted: Headers, given: Headers): boolean {
  const agrees = ([name, value]: readonly [string, Json]) =>
    Object.hasOwn(given, name) && (value === null || isSame(given[name] ?? null, value));
  const compared = comparedOf(wanted);
  return isAny(wanted) ? compared.some(agrees) : compared.every(agrees);
}

/** Numbers are the same by value: zero has no sign here. */
function isSame(one: Json, other: Json): boolean {
  return one === other || isDeepStrictEqual(one, other);
}

function isAny(wanted: Headers): boolean {
  return wanted["x-match"] === "any" || wanted["x-match"] === "any-with-x";
}

function comparedOf(wanted: Headers): readonly (readonly [string, Json])[] {
  const mode = wanted["x-match"];
  const withX = mode === "all-with-x" || mode === "any-with-x";
  return Object.entries(wanted).filter(([name]) => name !== "x-match" && (withX || !name.startsWith("x-")));
}
