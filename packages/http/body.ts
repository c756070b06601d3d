// Reads and checks what a client sent: JSON bodies, with the service's own sentences for what is wrong, and
// queries.
import type { Readable } from "node:stream";
import type { TSchema } from "typebox";
import type { Dialect } from "./dialects/dialect.ts";
import { httpErrors } from "./errors.ts";
import { compiledAt } from "./schemas.ts";
import { readText } from "./text.ts";
import { problemOf } from "./wording.ts";

export interface BodyOptions {
  readonly bytesMax: number;
  readonly accepts: readonly string[];
}

/** The body's JSON. Throws 413, 415 and 400. */
export async function readJson(
  stream: Readable,
  headers: Readonly<Record<string, string | undefined>>,
  { bytesMax, accepts }: BodyOptions,
): Promise<unknown> {
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > bytesMax) throw httpErrors.bodyTooLarge();
  const text = await readText(stream, bytesMax);
  if (text.trim() === "") throw httpErrors.bodyMalformed();
  checkType(headers, accepts);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw httpErrors.bodyMalformed();
    throw error;
  }
}

/** Throws 415 for a body of a type that is not taken; one without a type is taken as what is wanted. */
export function checkType(
  headers: Readonly<Record<string, string | undefined>>,
  accepts: readonly string[],
): void {
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type !== "" && !accepts.includes(type)) throw httpErrors.bodyType(type, accepts.join(", "));
}

export interface Checked {
  readonly schema: TSchema;
  readonly value: unknown;
  readonly version: string;
  readonly where: "body" | "query";
  readonly dialect: Dialect;
}

/** The value, which the schema accepts at the version; throws the dialect's 400 otherwise. */
export async function check({ schema, value, version, where, dialect }: Checked): Promise<unknown> {
  const compiled = await compiledAt(schema, version);
  const given = where === "query" ? wrapArrays(compiled.plain, value) : value;
  if (compiled.validator.Check(given)) return given;
  throw httpErrors.invalid(dialect.invalid(problemOf(compiled, given, where)));
}

export type Query = Readonly<Record<string, string | readonly string[]>>;

/** The query's keys; one that is repeated has all its values. */
export function parseQuery(text: string): Query {
  // Without a prototype, so that a key such as `constructor` is only a key.
  const query: Record<string, string | string[]> = Object.create(null);
  if (text === "") return query;
  for (const [key, value] of new URLSearchParams(text)) {
    const known = query[key];
    if (known === undefined) query[key] = value;
    else if (typeof known === "string") query[key] = [known, value];
    else known.push(value);
  }
  return query;
}

/** Where the schema wants an array and the query has one value, an array of it. */
function wrapArrays(plain: Readonly<Record<string, unknown>>, query: unknown): unknown {
  const properties = plain["properties"];
  if (typeof properties !== "object" || properties === null || typeof query !== "object" || query === null) {
    return query;
  }
  const wrapped = Object.entries(query).map(([key, value]) => {
    const schema: unknown = Reflect.get(properties, key);
    const wantsArray =
      typeof schema === "object" && schema !== null && Reflect.get(schema, "type") === "array";
    return [key, wantsArray && typeof value === "string" ? [value] : value];
  });
  return Object.fromEntries(wrapped);
}
