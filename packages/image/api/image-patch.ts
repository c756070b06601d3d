// Glance's JSON patch: operations on an image's own names, one level deep, turned into one change.
import { check, glanceDialect, type TSchema } from "@micronova/http";
import { imageErrors } from "../errors.ts";
import type { Image, ImageChange } from "../images.ts";
import { baseAttributes, baseNames, propertyValue, readOnlyNames, tagList } from "./image-schema.ts";

export const patchTypes = [
  "application/openstack-images-v2.1-json-patch",
  "application/openstack-images-v2.0-json-patch",
] as const;

interface Operation {
  readonly op: "add" | "replace" | "remove";
  readonly name: string;
  readonly value: unknown;
}

const ops = ["add", "replace", "remove"] as const;

/** The change that the operations make together, checked against the image as it is. */
export async function changeOf(image: Image, operations: readonly unknown[]): Promise<ImageChange> {
  const attributes: Record<string, unknown> = {};
  const properties: Record<string, string | null> = {};
  let tags: readonly string[] | undefined;
  const exists = (name: string) => (properties[name] ?? image.properties[name] ?? null) !== null;
  for (const { op, name, value } of operations.map(parse)) {
    checkName(op, name);
    const isOwn = !baseNames.includes(name);
    if (op === "remove") {
      if (!isOwn) throw imageErrors.removalForbidden(name);
      if (properties[name] === null || !exists(name)) throw imageErrors.propertyMissing(name);
      properties[name] = null;
    } else {
      if (isOwn && op === "replace" && !exists(name)) throw imageErrors.propertyMissing(name);
      const checked = await checkValue(name, value);
      if (name === "tags") {
        // Just checked to be a list of text.
        tags = checked as string[];
      } else if (isOwn) properties[name] = String(checked);
      else attributes[name] = checked;
    }
  }
  return { attributes, properties, ...(tags === undefined ? {} : { tags }) };
}

/** Both forms: `{ op, path, value }` of v2.1, and `{ "<op>": path, value }` of v2.0. */
function parse(given: unknown): Operation {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw imageErrors.patchMalformed("Operations must be JSON objects.");
  }
  const op = ops.find((name) => ("op" in given ? given.op === name : name in given));
  if (op === undefined) throw imageErrors.patchMalformed("Operations must be one of add, replace, remove.");
  const path: unknown = "op" in given ? Reflect.get(given, "path") : Reflect.get(given, op);
  if (typeof path !== "string")
    throw imageErrors.patchMalformed("Unable to find 'path' in JSON Schema change");
  if (!path.startsWith("/")) throw imageErrors.patchMalformed(`Pointer \`${path}\` does not start with "/".`);
  const parts = path.slice(1).split("/");
  const [name = ""] = parts;
  if (name === "locations") throw imageErrors.locationsForbidden();
  if (parts.length !== 1 || name === "") {
    throw imageErrors.patchMalformed(`Invalid JSON pointer for this resource: '${path}'`);
  }
  if (op !== "remove" && !("value" in given)) {
    throw imageErrors.patchMalformed(`Operation "${op}" requires a member named "value".`);
  }
  return { op, name: name.replaceAll("~1", "/").replaceAll("~0", "~"), value: Reflect.get(given, "value") };
}

export function checkName(op: string, name: string): void {
  if (readOnlyNames.includes(name) || (name === "id" && op !== "create")) throw imageErrors.readOnly(name);
  if (name.startsWith("os_glance_")) throw imageErrors.reserved(name);
}

function checkValue(name: string, value: unknown): Promise<unknown> {
  const known: Readonly<Record<string, TSchema>> = { ...baseAttributes, tags: tagList };
  const schema = Object.hasOwn(known, name) ? known[name]! : propertyValue;
  return check({ schema, value, version: "0.0", where: "body", dialect: glanceDialect });
}
