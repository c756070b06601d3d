// Queries that are asked so often that building them each time costs more than running them. They are written
// as any other, over stand-ins for what they are asked with, and built once for each engine.
import type { Compilable, CompiledQuery } from "kysely";
import type { Tx } from "./index.ts";

// Longer lists than these are seldom, and built each time.
const lengthsMax = 64;

/** In the built query, in the place of a value: the way to it from what the query is asked with. */
class Place {
  readonly path: readonly string[];
  constructor(path: readonly string[]) {
    this.path = path;
  }
}

/**
 * The query as a function of what it is asked with. `build` sees stand-ins in place of all values, so it only
 * puts them into the query: what is to be computed of them is computed before. Lists may have any length; a
 * query is kept for each.
 */
export function prepared<P, R>(
  build: (tx: Tx, asked: P) => Compilable<R>,
): (tx: Tx, asked: P) => Promise<R[]> {
  const builtOf = new WeakMap<object, Map<string, CompiledQuery<R>>>();
  return async (tx, asked) => {
    // Each engine has one.
    const { adapter } = tx.getExecutor();
    const built = builtOf.get(adapter) ?? new Map<string, CompiledQuery<R>>();
    builtOf.set(adapter, built);
    const lengths = lengthsOf(asked);
    // A stand-in has no type of its own; the query builder asks nothing of values but where they belong.
    const query = built.get(lengths) ?? build(tx, standIns(asked, []) as P).compile();
    if (built.size < lengthsMax) built.set(lengths, query);
    const parameters = query.parameters.map((value) => (value instanceof Place ? at(asked, value) : value));
    return (await tx.executeQuery<R>({ ...query, parameters })).rows;
  };
}

/** What makes two askings different queries. */
function lengthsOf(asked: unknown): string {
  if (Array.isArray(asked)) return `${asked.length}`;
  if (!isRecord(asked)) return "";
  let lengths = "";
  for (const value of Object.values(asked)) if (Array.isArray(value)) lengths += `${value.length},`;
  return lengths;
}

function standIns(asked: unknown, path: readonly string[]): unknown {
  if (Array.isArray(asked)) return asked.map((value, n) => standIns(value, [...path, String(n)]));
  if (!isRecord(asked)) return new Place(path);
  return Object.fromEntries(
    Object.entries(asked).map(([name, value]) => [name, standIns(value, [...path, name])]),
  );
}

function at(asked: unknown, { path }: Place): unknown {
  let value = asked;
  // The path was found in something of the same shape.
  for (const name of path) value = (value as Readonly<Record<string, unknown>>)[name];
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}
