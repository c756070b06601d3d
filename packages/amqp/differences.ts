// How a second declaration differs from the first, in RabbitMQ's words, which clients match on.
import { isDeepStrictEqual } from "node:util";
import { type FieldValue, plainTable, type Table } from "./codec/table.ts";
import { typeName } from "./queue/queue-arguments.ts";

type Properties = Readonly<Record<string, string | boolean>>;

/** The first property that differs and how; null when none does. */
export function propertyDifference(
  received: Properties,
  current: Properties,
): readonly [string, string] | null {
  for (const [name, value] of Object.entries(received)) {
    const known = current[name];
    if (value !== known) return [name, `received '${value}' but current is '${known}'`];
  }
  return null;
}

/** The first argument among those named that differs and how; null when none of them does. */
export function argumentDifference(
  received: Table,
  current: Table,
  names: readonly string[],
): readonly [string, string] | null {
  const ours = plainTable(current);
  const theirs = plainTable(received);
  for (const name of names)
    if (!isDeepStrictEqual(theirs[name], ours[name]))
      return [name, difference(received[name], current[name])];
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
