// Schemas whose parts carry spans: projected to plain JSON Schema at a version, and compiled once per
// distinct range.
import type { TSchema, TUnion } from "typebox";
import type { Validator } from "typebox/compile";
import { covers, ordinal, type Span, type Version } from "./versions.ts";

const spanKey = "~span";
const eitherKey = "~either";

type Branch = readonly [Span, TSchema];

/**
 * Marks a property's schema as existing only in these versions: `versioned(since("2.19"), Type.String())`.
 */
export function versioned<S extends TSchema>(span: Span, schema: S): S {
  return marked(schema, spanKey, span);
}

/** A property whose schema differs by version: `eitherVersion([until("2.36"), A], [since("2.37"), B])`. */
export function eitherVersion<A extends TSchema, B extends TSchema>(
  first: readonly [Span, A],
  second: readonly [Span, B],
): TUnion<[A, B]> {
  const branches: readonly Branch[] = [first, second];
  // The type says what a value of either branch is; at run time it is the first schema with both beside it.
  return marked(first[1], eitherKey, branches) as unknown as TUnion<[A, B]>;
}

/** A copy of the schema with a mark. TypeBox keeps its own marks unenumerable, so descriptors are copied. */
function marked<S extends TSchema>(schema: S, key: string, value: unknown): S {
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema));
  // The same schema but for the mark.
  return Object.defineProperty(copy, key, { value, enumerable: true }) as S;
}

/** JSON Schema as plain data. */
export type PlainSchema = Readonly<Record<string, unknown>>;

/** What the schema is at a version, as plain JSON Schema; null when it does not exist there. */
export function schemaAt(schema: TSchema, version: Version): PlainSchema | null {
  const marks = marksOf(schema);
  if (marks.span !== undefined && !covers(marks.span, version)) return null;
  if (marks.branches !== undefined) {
    const branch = marks.branches.find(([span]) => covers(span, version));
    return branch === undefined ? null : schemaAt(branch[1], version);
  }
  return plainObject(schema, version);
}

function plainObject(schema: object, version: Version): PlainSchema {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === spanKey || key === eitherKey) continue;
    if (key === "properties" || key === "patternProperties") plain[key] = plainProperties(value, version);
    else plain[key] = plainValue(value, version);
  }
  const { required, properties } = plain;
  if (Array.isArray(required) && typeof properties === "object" && properties !== null) {
    plain["required"] = required.filter((name) => Object.hasOwn(properties, name));
  }
  return plain;
}

function plainProperties(properties: object, version: Version): PlainSchema {
  const kept = Object.entries(properties).map(([name, schema]) => [name, schemaAt(schema, version)] as const);
  return Object.fromEntries(kept.filter(([, schema]) => schema !== null));
}

function plainValue(value: unknown, version: Version): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item) => plainValue(item, version))
      .filter((item) => item !== null || value.includes(null));
  }
  // Schemas nested under keywords such as `items` and `anyOf`.
  return typeof value === "object" && value !== null ? schemaAt(value as TSchema, version) : value;
}

function marksOf(schema: object): { readonly span?: Span; readonly branches?: readonly Branch[] } {
  const span: unknown = Reflect.get(schema, spanKey);
  const branches: unknown = Reflect.get(schema, eitherKey);
  // Only `versioned` and `eitherVersion` write these keys.
  return {
    ...(span === undefined ? {} : { span: span as Span }),
    ...(branches === undefined ? {} : { branches: branches as readonly Branch[] }),
  };
}

/** A schema made ready for one range of versions. */
export interface CompiledSchema {
  readonly plain: PlainSchema;
  readonly validator: Validator;
}

interface Ranges {
  readonly bounds: readonly number[];
  readonly compiled: (CompiledSchema | undefined)[];
}
const ranges = new WeakMap<object, Ranges>();

// The compiler takes tens of milliseconds to load and is not needed before the first body arrives.
let compiler: typeof import("typebox/compile") | null = null;

/** The schema compiled for the version; versions between which nothing changes share one. */
export async function compiledAt(schema: TSchema, version: Version): Promise<CompiledSchema> {
  let known = ranges.get(schema);
  if (known === undefined) {
    known = { bounds: boundsOf(schema), compiled: [] };
    ranges.set(schema, known);
  }
  const at = ordinal(version);
  const range = known.bounds.filter((bound) => bound <= at).length;
  const ready = known.compiled[range];
  if (ready !== undefined) return ready;
  compiler ??= await import("typebox/compile");
  const plain = schemaAt(schema, version) ?? {};
  const fresh = { plain, validator: compiler.Compile(plain) };
  known.compiled[range] = fresh;
  return fresh;
}

/** The ordinals at which some part of the schema begins to exist or has ceased to. */
function boundsOf(schema: object): readonly number[] {
  const bounds = new Set<number>();
  const note = (span: Span) => {
    if (span.since !== undefined) bounds.add(ordinal(span.since));
    if (span.until !== undefined) bounds.add(ordinal(span.until) + 1);
  };
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    const { span, branches } = marksOf(part);
    if (span !== undefined) note(span);
    for (const [branchSpan, branch] of branches ?? []) {
      note(branchSpan);
      visit(branch);
    }
    for (const [key, value] of Object.entries(part)) if (key !== spanKey && key !== eitherKey) visit(value);
  };
  visit(schema);
  return [...bounds].sort((a, b) => a - b);
}
