// Views: how an answer looks at a version. Fields carry spans; the view is compiled once per version into
// flat getters.

import type { ApiContext } from "./routes.ts";
import { covers, overlap, type Span, type Version } from "./versions.ts";

/** What a view's getters may know besides the value. */
export interface ViewContext {
  readonly context: ApiContext;
  /**
   * The service's own root as the client addressed it, without a trailing slash:
   * `http://127.0.0.1:8774/compute/v2.1`.
   */
  readonly baseUrl: string;
  readonly version: Version;
  /** Whether the policy allows the rule: for fields only some may see. */
  may(rule: string): boolean;
}

export interface Field<T> extends Span {
  readonly get: (from: T, view: ViewContext) => unknown;
  /** Shown only to administrators. */
  readonly adminOnly?: boolean;
}

/** A field is one meaning, or several with disjoint spans; `undefined` from a getter leaves the key out. */
export type View<T> = Readonly<Record<string, Field<T> | readonly Field<T>[]>>;

export function always<T>(get: Field<T>["get"]): Field<T> {
  return { get };
}

export function sinceField<T>(version: Version, get: Field<T>["get"]): Field<T> {
  return { since: version, get };
}

export function untilField<T>(version: Version, get: Field<T>["get"]): Field<T> {
  return { until: version, get };
}

export function betweenField<T>(first: Version, last: Version, get: Field<T>["get"]): Field<T> {
  return { since: first, until: last, get };
}

/** The view at a version, compiled once: a flat list of getters with no version checks left in it. */
export function render<T>(view: View<T>, value: T, at: ViewContext): Record<string, unknown> {
  const answer: Record<string, unknown> = {};
  for (const [key, field] of compiled(view, at.version)) {
    if (field.adminOnly === true && !at.context.isAdmin) continue;
    const shown = field.get(value, at);
    if (shown !== undefined) answer[key] = shown;
  }
  return answer;
}

type Flat = readonly (readonly [key: string, field: Field<never>])[];
const flats = new WeakMap<object, Map<Version, Flat>>();

function compiled<T>(view: View<T>, version: Version): readonly (readonly [string, Field<T>])[] {
  let byVersion = flats.get(view);
  if (byVersion === undefined) {
    checkView(view);
    byVersion = new Map();
    flats.set(view, byVersion);
  }
  let flat = byVersion.get(version);
  if (flat === undefined) {
    flat = Object.entries(view).flatMap(([key, field]) =>
      meanings(field)
        .filter((one) => covers(one, version))
        .map((one) => [key, one] as const),
    );
    byVersion.set(version, flat);
  }
  // Kept under the view it was made from, so its fields take that view's values.
  return flat as unknown as readonly (readonly [string, Field<T>])[];
}

/** Throws when a field would mean two things at one version. */
function checkView<T>(view: View<T>): void {
  for (const [key, field] of Object.entries(view)) {
    meanings(field).forEach((one, at, all) => {
      if (all.slice(at + 1).some((other) => overlap(one, other))) {
        throw new Error(`The view's field ${key} has two meanings at one version.`);
      }
    });
  }
}

function meanings<T>(field: Field<T> | readonly Field<T>[]): readonly Field<T>[] {
  // Array.isArray does not narrow readonly arrays.
  return Array.isArray(field) ? (field as readonly Field<T>[]) : [field as Field<T>];
}
