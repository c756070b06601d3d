// What holds for a queue that was declared so and has a policy: of two limits the stricter, of two names the
// declared one.
import type { Table } from "../codec/table.ts";
import type { Overflow, QueueArguments } from "../queue/queue-arguments.ts";
import type { Policy, PolicySetting } from "./policy.ts";

/** `declared` is what `own` was read from. */
export function effectiveArguments(
  own: QueueArguments,
  declared: Table,
  policy: Policy | null,
): QueueArguments {
  if (policy === null) return own;
  const { definition } = policy;
  return {
    ...own,
    ttlMs: stricter(own.ttlMs, definition["message-ttl"]),
    expiresMs: stricter(own.expiresMs, definition["expires"]),
    lengthMax: stricter(own.lengthMax, definition["max-length"]),
    bytesMax: stricter(own.bytesMax, definition["max-length-bytes"]),
    deliveryLimit: stricter(own.deliveryLimit, definition["delivery-limit"]),
    deadLetterExchange: own.deadLetterExchange ?? text(definition["dead-letter-exchange"]),
    deadLetterKey: own.deadLetterKey ?? text(definition["dead-letter-routing-key"]),
    overflow: "x-overflow" in declared ? own.overflow : overflow(own.overflow, definition["overflow"]),
  };
}

function stricter(own: number | null, set: PolicySetting | undefined): number | null {
  if (typeof set !== "number") return own;
  return own === null ? set : Math.min(own, set);
}

function text(set: PolicySetting | undefined): string | null {
  return typeof set === "string" ? set : null;
}

function overflow(own: Overflow, set: PolicySetting | undefined): Overflow {
  // Policies are checked when they are put.
  return set === undefined ? own : (set as Overflow);
}
