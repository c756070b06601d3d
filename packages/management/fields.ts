// Fields of a body, read as RabbitMQ reads them: texts stand for booleans and numbers too, and what is
// missing or of another type is a bad request.
import type { FieldValue, Table } from "@micronova/amqp";
import { managementErrors } from "./errors.ts";
import type { JsonObject } from "./routes.ts";

/** Throws unless all of the fields are there. */
export function assertFields(body: JsonObject, names: readonly string[]): void {
  const missing = names.filter((name) => !Object.hasOwn(body, name));
  if (missing.length === 0) return;
  throw managementErrors.badRequest(`[${missing.map((name) => `{key_missing,${name}}`).join(",")}]`);
}

export function textField(body: JsonObject, name: string, otherwise?: string): string {
  const value = body[name] ?? otherwise;
  if (typeof value === "string") return value;
  throw managementErrors.badRequest(value === undefined ? `[{key_missing,${name}}]` : `not_text: ${name}`);
}

export function flagField(body: JsonObject, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw managementErrors.badRequest(`not_boolean: ${shown(value)}`);
}

export function countField(body: JsonObject, name: string): number {
  assertFields(body, [name]);
  const value = body[name];
  const count = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  throw managementErrors.badRequest(`not_integer: ${shown(value)}`);
}

/** An object of the body, `{}` for none. */
export function objectField(body: JsonObject, name: string): JsonObject {
  const value = body[name] ?? {};
  if (isObject(value)) return value;
  // RabbitMQ itself writes an empty object as an empty list.
  if (Array.isArray(value) && value.length === 0) return {};
  throw managementErrors.badRequest(`not_an_object: ${name}`);
}

/** The objects of a list, none for no list. */
export function listField(body: JsonObject, name: string): readonly JsonObject[] {
  const value = body[name] ?? [];
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw managementErrors.badRequest(`not_a_list_of_objects: ${name}`);
}

/** Tags of users and virtual hosts: a list, or a text with commas. */
export function tagsField(body: JsonObject, name: string): readonly string[] {
  const value = body[name] ?? [];
  const tags = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string"))
    throw managementErrors.badRequest(`not_tags: ${shown(value)}`);
  return tags.map((tag: string) => tag.trim()).filter((tag) => tag !== "");
}

export const argumentsField = (body: JsonObject): Table => tableOf(objectField(body, "arguments"));

/** JSON as a field table: whole numbers are integers, others doubles, null is void. */
export function tableOf(object: JsonObject): Table {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [shortText(name), fieldOf(value)]));
}

// What AMQP writes the length of in one byte.
const shortTextBytesMax = 255;

/** A name or key that AMQP can carry. */
export function shortText(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= shortTextBytesMax) return text;
  throw managementErrors.badRequest(
    `${text.slice(0, 20)}… should be less than ${shortTextBytesMax} bytes, actually was ${bytes}`,
  );
}

function fieldOf(value: unknown): FieldValue {
  if (value === null || ["string", "boolean", "number"].includes(typeof value)) return value as FieldValue;
  if (Array.isArray(value)) return value.map(fieldOf);
  // JSON has nothing else.
  return tableOf(value as JsonObject);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
