// Words a schema's refusals as Python's jsonschema does, since OpenStack's clients and their users know those
// sentences.
import type { Problem } from "./dialects/dialect.ts";
import type { CompiledSchema, PlainSchema } from "./schemas.ts";

interface Refusal {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
}

/** The one refusal that is told, of a value that the schema does not accept. */
export function problemOf(schema: CompiledSchema, value: unknown, where: "body" | "query"): Problem {
  return tell(mostTelling(schema.validator.Errors(value)), schema.plain, value, where);
}

// Nova's schemas name properties first, then what is required, then what is superfluous; the first refusal is
// told.
const rankOf: Readonly<Record<string, number>> = { required: 1, additionalProperties: 2 };

/**
 * Python's order: the deepest part first, and at one depth its values before its missing and superfluous
 * names.
 */
function mostTelling(refusals: readonly Refusal[]): Refusal {
  const own = refusals.filter(({ keyword }) => keyword !== "boolean");
  // Branches of a union say why each failed; the union itself is told (or explained) as one.
  const unions = own.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf");
  const outer = own.filter(
    (one) =>
      !unions.some(
        (union) => one !== union && one.schemaPath.startsWith(`${union.schemaPath}/${union.keyword}/`),
      ),
  );
  const key = (one: Refusal) => [depth(one.instancePath) * -1, rankOf[one.keyword] ?? 0] as const;
  const ordered = outer.toSorted((a, b) => key(a)[0] - key(b)[0] || key(a)[1] - key(b)[1]);
  const [first] = ordered.length > 0 ? ordered : own;
  if (first === undefined) throw new Error("A refused value has no refusal.");
  return first;
}

function depth(path: string): number {
  return path.split("/").length;
}

function tell(refusal: Refusal, root: PlainSchema, value: unknown, where: "body" | "query"): Problem {
  const path = segments(refusal.instancePath);
  const at = path.reduce<unknown>(step, value);
  const schema = segments(refusal.schemaPath.replace(/^#/, "")).reduce<unknown>(step, root);
  const said = describe(refusal.keyword, asSchema(schema), at);
  return { where, keyword: said.keyword, path, value: at, message: said.message, names: said.names };
}

function segments(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function step(at: unknown, key: string): unknown {
  return typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
}

function asSchema(value: unknown): PlainSchema {
  // Reached by a schema's own pointer; a boolean schema has no keywords.
  return typeof value === "object" && value !== null ? (value as PlainSchema) : {};
}

interface Said {
  readonly keyword: string;
  readonly message: string;
  readonly names: readonly string[];
}

function describe(keyword: string, schema: PlainSchema, value: unknown): Said {
  if (keyword === "required") return describeMissing(schema, value);
  if (keyword === "additionalProperties") return describeExtra(schema, value);
  if (keyword === "anyOf" || keyword === "oneOf") return describeUnion(keyword, schema, value);
  const sentence = sentences[keyword] ?? (() => "is not valid");
  return { keyword, message: `${repr(value)} ${sentence(schema[keyword])}`, names: [] };
}

const sentences: Readonly<Record<string, (limit: unknown) => string>> = {
  type: (type) => `is not of type ${[type].flat().map(repr).join(", ")}`,
  enum: (values) => `is not one of ${repr(values)}`,
  minLength: () => "is too short",
  maxLength: () => "is too long",
  minItems: () => "is too short",
  maxItems: () => "is too long",
  minimum: (limit) => `is less than the minimum of ${repr(limit)}`,
  maximum: (limit) => `is greater than the maximum of ${repr(limit)}`,
  exclusiveMinimum: (limit) => `is less than or equal to the minimum of ${repr(limit)}`,
  exclusiveMaximum: (limit) => `is greater than or equal to the maximum of ${repr(limit)}`,
  multipleOf: (limit) => `is not a multiple of ${repr(limit)}`,
  pattern: (pattern) => `does not match ${repr(pattern)}`,
  format: (format) => `is not a ${repr(format)}`,
  uniqueItems: () => "has non-unique elements",
  minProperties: () => "does not have enough properties",
  maxProperties: () => "has too many properties",
  not: (schema) => `should not be valid under ${repr(schema)}`,
  const: (wanted) => `is not one of ${repr([wanted])}`,
};

function describeMissing(schema: PlainSchema, value: unknown): Said {
  const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
  const missing = required.filter((name) => step(value, name) === undefined);
  return { keyword: "required", message: `${repr(missing[0])} is a required property`, names: missing };
}

function describeExtra(schema: PlainSchema, value: unknown): Said {
  const patterns = Object.keys(asSchema(schema["patternProperties"]));
  const known = asSchema(schema["properties"]);
  const extra = Object.keys(asSchema(value)).filter(
    (name) => !Object.hasOwn(known, name) && !patterns.some((pattern) => new RegExp(pattern, "u").test(name)),
  );
  const listed = extra.map(repr).join(", ");
  const many = extra.length > 1;
  const message =
    patterns.length > 0
      ? `${listed} ${many ? "do" : "does"} not match any of the regexes: ${patterns.map(repr).join(", ")}`
      : `Additional properties are not allowed (${listed} ${many ? "were" : "was"} unexpected)`;
  return { keyword: "additionalProperties", message, names: extra };
}

/**
 * A union of literals reads as an enum, one of plain types as a list of types; else Python's sentence for
 * unions.
 */
function describeUnion(keyword: string, schema: PlainSchema, value: unknown): Said {
  const branches = Array.isArray(schema[keyword]) ? schema[keyword].map(asSchema) : [];
  const literals = branches.filter((branch) => "const" in branch).map((branch) => branch["const"]);
  if (literals.length === branches.length) return describe("enum", { enum: literals }, value);
  const types = branches.map((branch) => branch["type"]);
  // Of a nullable string that is too long, the length is told.
  const meant = branches.filter((branch) => branch["type"] === typeOf(value));
  const [only] = meant;
  if (meant.length === 1 && only !== undefined) {
    const broken = scalarKeywords.find((one) => one in only && isBroken(one, only[one], value));
    if (broken !== undefined) return describe(broken, only, value);
  }
  if (meant.length === 0 && types.every((type) => typeof type === "string")) {
    return describe("type", { type: types }, value);
  }
  return { keyword, message: `${repr(value)} is not valid under any of the given schemas`, names: [] };
}

const scalarKeywords = ["minLength", "maxLength", "pattern", "minimum", "maximum"];

function isBroken(keyword: string, limit: unknown, value: unknown): boolean {
  if (typeof value === "string") {
    if (keyword === "pattern") return !new RegExp(String(limit), "u").test(value);
    const length = [...value].length;
    return keyword === "minLength" ? length < Number(limit) : length > Number(limit);
  }
  return keyword === "minimum" ? Number(value) < Number(limit) : Number(value) > Number(limit);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

// A refused value may be as large as a body; more than this tells nobody anything.
const shownMax = 1_000;

/** A value as Python shows it: `'text'`, `True`, `None`, `{'a': 1}`. */
export function repr(value: unknown): string {
  const whole = reprWhole(value);
  return whole.length <= shownMax ? whole : `${whole.slice(0, shownMax)}…`;
}

/** A value as Python formats it into a sentence: text without quotes. */
export function str(value: unknown): string {
  return typeof value === "string" ? value.slice(0, shownMax) : repr(value);
}

// Deeper parts of a value are cut: a body may be nested as deeply as it is long.
const shownDepth = 16;

function reprWhole(value: unknown, depth = 0): string {
  if (depth > shownDepth) return "…";
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map((item) => reprWhole(item, depth + 1)).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, item]) => `${quoted(key)}: ${reprWhole(item, depth + 1)}`)
      .join(", ")}}`;
  }
  return String(value);
}

function quoted(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return escaped.includes("'") && !escaped.includes('"')
    ? `"${escaped}"`
    : `'${escaped.replaceAll("'", "\\'")}'`;
}
