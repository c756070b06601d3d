// Finds, in tests, what would only fail on a wire: a sent message that is written to, or a body that is not
// JSON.
import assert from "node:assert/strict";
import type { Message } from "./bus.ts";

export function freezeMessage(message: Message): void {
  freezeJson(message.body, "body");
  freezeJson(message.headers, "headers");
}

function freezeJson(value: unknown, path: string): void {
  if (value === null || typeof value === "boolean" || typeof value === "string") return;
  // A key without a value is left out on the wire.
  if (value === undefined) return;
  if (typeof value === "number") {
    assert(Number.isFinite(value), `${path} of a message is not a number`);
    return;
  }
  assert(typeof value === "object", `${path} of a message is a ${typeof value}, which JSON has not`);
  const prototype = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  assert(isPlain, `${path} of a message is not a plain object`);
  if (Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const [key, part] of Object.entries(value)) freezeJson(part, `${path}.${key}`);
}
