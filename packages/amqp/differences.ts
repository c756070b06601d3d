// How a second declaration differs from the first, in RabbitMQ's words, which clients match on.
import { isDeepStrictEqual } from "node:util";
import { type FieldValue, plainTable, type Table } from "./codec/table.ts";
import { typeName } from "./queue/queue-arguments.ts";

export interface Identity {
  readonly properties: Readonly<Record<string, string | boolean>>;
  readonly arguments: Table;
}

/** The first argument that differs and how; null when nothing does. */
export function differenceOf(received: Identity, current: Identity): readonly [string, string] | null {
  for (const [name, value] of Object.entries(received.properties)) {
    const known = current.properties[name];
    if (value !== known) return [name, `received '${value}' but current is '${known}'`];
  }
  const ours = plainTable(current.arguments);
  const theirs = plainTable(received.arguments);
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    if (isDeepStrictEqual(theirs[name], ours[name])) continue;
    const got = described(received.arguments[name]);
    return [name, `received ${got} but current is ${described(current.arguments[name])}`];
  }
  return null;
}

function described(value: FieldValue | undefined): string {
  if (value === undefined) return "none";
  const shown = typeof value === "object" ? JSON.stringify(plainTable({ value })["value"]) : String(value);
  return `the value '${shown}' of type '${typeName(value)}'`;
}
