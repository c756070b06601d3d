// One typed configuration, read once: defaults, then a TOML file, then overrides from the command line. It is
// a door of its own, `@micronova/kit/config`: what needs no configuration, as the bus alone, then starts
// without the library of schemas, which takes 25 MB.
import { readFileSync } from "node:fs";
import { parse, stringify } from "smol-toml";
import Type, { IsObject, type Static, type TObject, type TSchema } from "typebox";
import Schema from "typebox/schema";
import { errorTable } from "./errors.ts";

export const configErrors = errorTable("config", {
  unreadable: {
    status: 500,
    text: (path: string, why: string) => `Configuration file ${path} cannot be read: ${why}.`,
  },
  invalid: { status: 500, text: (where: string, why: string) => `Configuration ${where} ${why}.` },
});

/**
 * Reads `path` if given, lays `overrides` over it, fills in defaults, and checks the whole against `schema`.
 */
export function readConfig<S extends TObject>(
  schema: S,
  options: { readonly path?: string; readonly overrides?: object },
): Static<S> {
  const fromFile = options.path === undefined ? {} : readToml(options.path);
  const merged = withDefaults(schema, merge(fromFile, options.overrides ?? {}));
  const [, [problem]] = Schema.Errors(schema, merged);
  if (problem !== undefined) {
    const where = problem.instancePath.slice(1).replaceAll("/", ".") || "file";
    throw configErrors.invalid(where, problem.keyword === "boolean" ? "is not a setting" : problem.message);
  }
  // Just checked against the schema.
  return merged as Static<S>;
}

/** Writes settings as `readConfig` reads them. */
export function configText(settings: object): string {
  return `${stringify(settings)}\n`;
}

export { Type as configType };
/** The type of a configuration that fits the schema. */
export type ConfigOf<S extends TSchema> = Static<S>;

/** Fills in the defaults of what is absent, sections first. */
function withDefaults(schema: TObject, given: object): object {
  const whole: Record<string, unknown> = { ...given };
  for (const [name, property] of Object.entries(schema.properties)) {
    if (whole[name] === undefined && "default" in property) whole[name] = property.default;
    const section = whole[name];
    if (IsObject(property) && isPlainObject(section)) whole[name] = withDefaults(property, section);
  }
  return whole;
}

function readToml(path: string): object {
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw configErrors.unreadable(
      path,
      error instanceof Error ? error.message.split("\n")[0]! : String(error),
    );
  }
}

function merge(base: object, over: object): object {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const under = result[key];
    if (value === undefined) continue;
    result[key] = isPlainObject(under) && isPlainObject(value) ? merge(under, value) : value;
  }
  return result;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
