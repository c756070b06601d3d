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
}

// RabbitMQ's limit for times: what its timers can count.
const millisMax = 2 ** 32 - 1;
const priorityLimit = 255;
const overflows: readonly string[] = ["drop-head", "reject-publish", "reject-publish-dlx"];
// A broker of one node is a quorum of one, so both types are the same queue here.
const queueTypes: readonly string[] = ["classic", "quorum"];

/** Shared by all queues that have none, which most are. */
const noArguments = readArguments("", {});

export function readQueueArguments(queue: string, table: Table): QueueArguments {
  return Object.keys(table).length === 0 ? noArguments : readArguments(queue, table);
}

function readArguments(queue: string, table: Table): QueueArguments {
  const refuse = (name: string, why: string) => amqpErrors.badArgument(queue, name, why);
  const integer = (name: string, min: number, max: number): number | null => {
    const value = integerOf(table[name]);
    if (value === undefined) return null;
    if (value === null) throw refuse(name, `"expected integer, got ${typeName(table[name]!)}"`);
    if (value < min) throw refuse(name, value < 0 ? `{value_negative,${value}}` : `{value_zero,${value}}`);
    if (value > max) throw refuse(name, `{value_too_large,${value}}`);
    return value;
  };
  const text = (name: string, allowed?: readonly string[]): string | null => {
    const value = table[name];
    if (value === undefined) return null;
    if (typeof value !== "string") throw refuse(name, `{unacceptable_type,${typeName(value)}}`);
    if (allowed !== undefined && !allowed.includes(value)) throw refuse(name, `invalid_value,"${value}"`);
    return value;
  };
  text("x-queue-type", queueTypes);
  const deadLetterExchange = text("x-dead-letter-exchange");
  const deadLetterKey = text("x-dead-letter-routing-key");
  if (deadLetterKey !== null && deadLetterExchange === null)
    throw refuse("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined");
  return {
    ttlMs: integer("x-message-ttl", 0, millisMax),
    expiresMs: integer("x-expires", 1, millisMax),
    lengthMax: integer("x-max-length", 0, Number.MAX_SAFE_INTEGER),
    bytesMax: integer("x-max-length-bytes", 0, Number.MAX_SAFE_INTEGER),
    // `text` has held it against the list.
    overflow: (text("x-overflow", overflows) ?? "drop-head") as Overflow,
    deadLetterExchange,
    deadLetterKey,
    priorityMax: integer("x-max-priority", 0, priorityLimit),
    isSingleActive: table["x-single-active-consumer"] === true,
  };
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
