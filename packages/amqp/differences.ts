// How a second declaration differs from the first, in RabbitMQ's words, which clients match on.
import { isDeepStrictEqual } from "node:util";
import { type FieldValue, plainTable, type Table } from "./codec/table.ts";
import { typeName } from "./queue/queue-arguments.ts";

export interface Identity {
  readonly properties: Readonly<Record<string, string | boolean>>;
  readonly arguments: Table;
}

/** The first property or argument that differs and how; null when none of these does. */
export function differenceOf(
  received: Identity,
  current: Identity,
  names: readonly string[],
): readonly [string, string] | null {
  for (const [name, value] of Object.entries(received.properties)) {
    const known = current.properties[name];
    if (value !== known) return [name, `received '${value}' but current is '${known}'`];
  }
  const ours = plainTable(current.arguments);
  const theirs = plainTable(received.arguments);
  for (const name of names) {
    if (isDeepStrictEqual(theirs[name], ours[name])) continue;
    return [name, difference(received.arguments[name], current.arguments[name])];
  }
  return null;
}

function difference(received: FieldValue | undefined, current: FieldValue | undefined): string {
  return received !== undefined && current !== undefined
    ? `received '${shown(received)}' but current is '${shown(current)}'`
    : `received ${described(received)} but current is ${described(current)}`;
}

function described(value: FieldValue | undefined): string {
  return value === undefined ? "none" : `the value '${shown(value)}' of type '${typeName(value)}'`;
}

function shown(value: FieldValue): string {
  return typeof value === "object" ? JSON.stringify(plainTable({ value })["value"]) : String(value);
}
