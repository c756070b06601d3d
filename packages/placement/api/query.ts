// Placement's small languages in queries: amounts, traits and aggregates.
import { type Span, since } from "@micronova/http";
import { isUuid } from "@micronova/kit";
import type { Amounts } from "../allocations.ts";
import { placementErrors } from "../errors.ts";
import type { Demand } from "../landscape.ts";

type Value = string | readonly string[] | undefined;
type Does = (span: Span) => boolean;

/** The one value of a key that must not be repeated. */
export function single(name: string, value: Value): string | null {
  if (value === undefined) return null;
  if (typeof value !== "string") throw placementErrors.duplicateKey(name);
  return value;
}

function several(value: Value): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** `VCPU:2,MEMORY_MB:512`. */
export function amountsOf(name: string, value: Value): Amounts {
  const text = single(name, value);
  if (text === null) return {};
  const pairs = text.split(",").map((part) => /^([A-Z0-9_]+):([1-9][0-9]*)$/.exec(part));
  if (pairs.includes(null)) {
    throw placementErrors.badValue(
      name,
      `expected resource classes and amounts, VCPU:1,MEMORY_MB:512; got ${text}`,
    );
  }
  return Object.fromEntries(pairs.map((pair) => [pair![1], Number(pair![2])]));
}

/** `T1,!T2`, or from 1.39 on `in:T1,T2` for any of them; repeated keys must all hold. */
export function traitsDemand(name: string, value: Value, does: Does): Demand {
  if (typeof value === "object" && !does(since("1.39"))) throw placementErrors.duplicateKey(name);
  const all: string[] = [];
  const none: string[] = [];
  const anyOf: (readonly string[])[] = [];
  for (const text of several(value)) {
    if (text.startsWith("in:") && does(since("1.39"))) anyOf.push(names(name, text.slice(3)));
    else
      for (const trait of names(name, text))
        (trait.startsWith("!") ? none : all).push(trait.replace("!", ""));
  }
  if (none.length > 0 && !does(since("1.22")))
    throw placementErrors.badValue(name, "traits cannot be forbidden");
  const contradiction = all.find((trait) => none.includes(trait));
  if (contradiction !== undefined) {
    throw placementErrors.badValue(name, `required and forbidden at once: ${contradiction}`);
  }
  return { all, none, anyOf };
}

/** All traits a demand speaks of. */
export function namesIn({ all, none, anyOf }: Demand): readonly string[] {
  return [...all, ...none, ...anyOf.flat()];
}

/** `uuid`, `in:u1,u2`, and from 1.32 on `!uuid` and `!in:u1,u2`; repeated keys must all hold. */
export function aggregatesDemand(name: string, value: Value, does: Does): Demand {
  if (typeof value === "object" && !does(since("1.24"))) throw placementErrors.duplicateKey(name);
  const none: string[] = [];
  const anyOf: (readonly string[])[] = [];
  for (const text of several(value)) {
    const isForbidden = text.startsWith("!");
    if (isForbidden && !does(since("1.32")))
      throw placementErrors.badValue(name, "aggregates cannot be forbidden");
    const ids = names(name, text.replace(/^!/, "").replace(/^in:/, ""));
    const wrong = ids.find((id) => !isUuid(id));
    if (wrong !== undefined) {
      throw placementErrors.badValue(
        name,
        `Expected 'member_of' parameter to contain valid UUID(s), got ${wrong}`,
      );
    }
    if (isForbidden) none.push(...ids);
    else anyOf.push(ids);
  }
  return { all: [], none, anyOf };
}

function names(parameter: string, text: string): readonly string[] {
  const parts = text.split(",");
  if (parts.some((part) => part.replace("!", "") === "")) throw placementErrors.missingValue(parameter);
  return parts;
}
