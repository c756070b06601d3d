// What a declaration may say, and when two of them differ.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@micronova/kit";
import { isCycle } from "./dead-letter.ts";
import { argumentDifference, propertyDifference } from "./differences.ts";
import { amqpErrors } from "./index.ts";
import { readQueueArguments } from "./queue/queue-arguments.ts";

test("a queue's arguments are read, or refused with the reason", () => {
  const read = readQueueArguments("q", { "x-message-ttl": 5, "x-max-priority": 3, "x-other": "ignored" });
  assert.deepEqual([read.ttlMs, read.priorityMax, read.overflow], [5, 3, "drop-head"]);

  const refused = [
    [{ "x-expires": 0 }, "{value_zero,0}"],
    [{ "x-message-ttl": -1 }, "{value_negative,-1}"],
    [{ "x-max-length": "many" }, '"expected integer, got longstr"'],
    [{ "x-max-priority": 256 }, "{max_value_exceeded,256}"],
    [{ "x-expires": 315_360_000_001 }, "{value_too_large,315360000001}"],
    [{ "x-queue-mode": "eager" }, "\"unsupported queue mode 'eager'\""],
    [{ "x-queue-type": "stream" }, "\"unsupported queue type 'stream'\""],
    [{ "x-queue-version": 3 }, "\"unsupported queue version '3'\""],
    [{ "x-single-active-consumer": "yes" }, "{unacceptable_type,longstr}"],
    [{ "x-dead-letter-routing-key": "k" }, "routing_key_but_no_dlx_defined"],
    [{ "x-overflow": "burst" }, "invalid_overflow"],
  ] as const;
  for (const [args, why] of refused)
    assert.throws(
      () => readQueueArguments("q", args),
      (error) => isFault(error, amqpErrors.badArgument) && error.params[2] === why,
      why,
    );
});

test("declarations differ in RabbitMQ's words", () => {
  const declared = { properties: { durable: true }, arguments: { a: 1, b: "x" } };
  const cases = [
    [declared, null],
    [{ ...declared, properties: { durable: false } }, ["durable", "received 'false' but current is 'true'"]],
    [{ ...declared, arguments: { a: 2, b: "x" } }, ["a", "received '2' but current is '1'"]],
    [
      { ...declared, arguments: { a: 1 } },
      ["b", "received none but current is the value 'x' of type 'longstr'"],
    ],
    [{ ...declared, arguments: { a: 1, b: "x", c: "says nothing" } }, null],
  ] as const;
  for (const [received, expected] of cases) {
    const difference =
      propertyDifference(received.properties, declared.properties) ??
      argumentDifference(received.arguments, declared.arguments, ["a", "b"]);
    assert.deepEqual(difference, expected);
  }
});

test("a letter goes round only when somebody's will sent it", () => {
  const death = (queue: string, reason: string) => ({ queue, reason });
  assert.equal(isCycle({}, "q"), false);
  assert.equal(isCycle({ "x-death": [death("q", "expired")] }, "q"), true);
  assert.equal(isCycle({ "x-death": [death("other", "expired")] }, "q"), false);
  assert.equal(isCycle({ "x-death": [death("other", "rejected"), death("q", "expired")] }, "q"), false);
});
