// The arguments of a queue that mean something, read out of its declaration and held against RabbitMQ's
// rules.
import type { Millis } from "@micronova/kit";
import { type FieldValue, type Table, Typed } from "../codec/table.ts";
import { amqpErrors } from "../errors.ts";

export type Overflow = "drop-head" | "reject-publish" | "reject-publish-dlx";

export interface QueueArguments {
  readonly ttlMs: Millis | null;
  readonly expiresMs: Millis | null;
  readonly lengthMax: number | null;
  readonly bytesMax: number | null;
  readonly overflow: Overflow;
  readonly deadLetterExchange: string | null;
  readonly deadLetterKey: string | null;
  readonly priorityMax: number | null;
  readonly isSingleActive: boolean;
  /** How often a message of a quorum queue may come back. */
  readonly deliveryLimit: number | null;
}

/** RabbitMQ's limit for times: ten years. */
export const millisMax = 315_360_000_000;
const priorityLimit = 255;
const shortstrMax = 255;
export const overflows: readonly string[] = ["drop-head", "reject-publish", "reject-publish-dlx"];
const queueTypes: readonly string[] = ["classic", "quorum"];
// Where messages wait is the broker's own affair, so they are the same here.
const modes: readonly string[] = ["default", "lazy"];
const versions: readonly number[] = [1, 2];
// A dead letter is in its queues before the message leaves its own, which keeps both promises.
const strategies: readonly string[] = ["at-most-once", "at-least-once"];

/** The arguments by which one declaration differs from another; others may differ. */
export const argumentNames = [
  ...["x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key"],
  ...["x-dead-letter-strategy", "x-max-length", "x-max-length-bytes", "x-max-priority", "x-overflow"],
  ...["x-queue-mode", "x-queue-version", "x-single-active-consumer", "x-queue-type"],
  ...["x-delivery-limit"],
  ...["x-quorum-initial-group-size", "x-max-in-memory-length", "x-max-in-memory-bytes"],
] as const;

/** Shared by all queues that have none, which most are. */
const noArguments = readArguments("", {});

export function readQueueArguments(queue: string, table: Table): QueueArguments {
  return Object.keys(table).length === 0 ? noArguments : readArguments(queue, table);
}

/** Of several that are wrong RabbitMQ names the first in this order. */
function readArguments(queue: string, table: Table): QueueArguments {
  const { refuse, integer, text, oneOf } = argumentReader(queue, table);
  const letters = table["x-dead-letter-exchange"];
  if (letters !== undefined && typeof letters !== "string")
    throw amqpErrors.badArgumentType(queue, "x-dead-letter-exchange", typeName(letters));
  oneOf("x-queue-type", queueTypes, (value) => `"unsupported queue type '${value}'"`);
  const expiresMs = integer("x-expires", 1, millisMax);
  const ttlMs = integer("x-message-ttl", 0, millisMax);
  const deadLetterKey = text("x-dead-letter-routing-key");
  // It could be written into no message.
  if (deadLetterKey !== null && Buffer.byteLength(deadLetterKey) > shortstrMax)
    throw refuse("x-dead-letter-routing-key", `longer than ${shortstrMax} bytes`);
  if (deadLetterKey !== null && letters === undefined)
    throw refuse("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined");
  oneOf("x-dead-letter-strategy", strategies, () => "invalid_dlx_strategy");
  const lengthMax = integer("x-max-length", 0);
  const bytesMax = integer("x-max-length-bytes", 0);
  const priorityMax = integer("x-max-priority", 0);
  if (priorityMax !== null && priorityMax > priorityLimit)
    throw refuse("x-max-priority", `{max_value_exceeded,${priorityMax}}`);
  // Held against the list.
  const overflow = (oneOf("x-overflow", overflows, () => "invalid_overflow") ?? "drop-head") as Overflow;
  oneOf("x-queue-mode", modes, (value) => `"unsupported queue mode '${value}'"`);
  const version = integer("x-queue-version", Number.MIN_SAFE_INTEGER);
  if (version !== null && !versions.includes(version))
    throw refuse("x-queue-version", `"unsupported queue version '${version}'"`);
  const isSingleActive = table["x-single-active-consumer"] ?? false;
  if (typeof isSingleActive !== "boolean")
    throw refuse("x-single-active-consumer", `{unacceptable_type,${typeName(isSingleActive)}}`);
  return {
    ttlMs,
    expiresMs,
    lengthMax,
    bytesMax,
    overflow,
    deadLetterExchange: letters ?? null,
    deadLetterKey,
    priorityMax,
    isSingleActive,
    // What is no integer is no limit: RabbitMQ takes it, and finds every count below it.
    deliveryLimit: integerOf(table["x-delivery-limit"]) ?? null,
  };
}

/** Reads arguments by name, null where there is none; throws for what is not as RabbitMQ wants it. */
function argumentReader(queue: string, table: Table) {
  const refuse = (name: string, why: string) => amqpErrors.badArgument(queue, name, why);
  const integer = (name: string, min: number, max = Number.POSITIVE_INFINITY): number | null => {
    const value = integerOf(table[name]);
    if (value === undefined) return null;
    if (value === null) throw refuse(name, notInteger(table[name]!));
    if (value < min) throw refuse(name, value < 0 ? `{value_negative,${value}}` : `{value_zero,${value}}`);
    if (value > max) throw refuse(name, `{value_too_large,${value}}`);
    return value;
  };
  const text = (name: string): string | null => {
    const value = table[name];
    if (value === undefined) return null;
    if (typeof value !== "string") throw refuse(name, `{unacceptable_type,${typeName(value)}}`);
    return value;
  };
  const oneOf = (name: string, allowed: readonly string[], why: (value: string) => string): string | null => {
    const value = text(name);
    if (value !== null && !allowed.includes(value)) throw refuse(name, why(value));
    return value;
  };
  return { refuse, integer, text, oneOf };
}

/** Why what is no integer is refused. */
export function notInteger(value: FieldValue): string {
  return `"expected integer, got ${typeName(value)}"`;
}

/** Undefined when absent, null when it is no integer. */
export function integerOf(value: FieldValue | undefined): number | null | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number") return Number.isInteger(value) ? value : null;
  if (!(value instanceof Typed) || typeof value.value === "object") return null;
  return "fdT".includes(value.kind) ? null : Number(value.value);
}

const typeNames: Readonly<Record<string, string>> = {
  b: "byte",
  B: "unsignedbyte",
  s: "short",
  u: "unsignedshort",
  i: "unsignedint",
  l: "long",
  f: "float",
  d: "double",
  D: "decimal",
  S: "longstr",
  x: "binary",
  T: "timestamp",
};
const int32Max = 2 ** 31;

/** A value's type as RabbitMQ's texts call it. */
export function typeName(value: FieldValue): string {
  if (value === null) return "void";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "longstr";
  if (typeof value === "number") {
    if (!Number.isInteger(value)) return "double";
    return value >= -int32Max && value < int32Max ? "signedint" : "long";
  }
  if (value instanceof Typed) return typeNames[value.kind] ?? "void";
  return Array.isArray(value) ? "array" : "table";
}
