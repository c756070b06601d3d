// Whose turn it is, held against a simple list: of those with room and the highest priority all get a turn.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Consumers } from "./consumers.ts";
import type { QueueConsumer } from "./entry.ts";

interface Listed {
  readonly priority: number;
  hasRoom: boolean;
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("add" as const), which: fc.integer({ min: -3, max: 3 }) }),
    fc.record({
      kind: fc.constantFrom("remove" as const, "fill" as const, "empty" as const),
      which: fc.nat(20),
    }),
  ),
  { maxLength: 60 },
);

/** As much of a consumer as is looked at here. */
function aConsumer(priority: number): Listed & QueueConsumer {
  const consumer = { priority, hasRoom: true, isDirect: true, isExclusive: false };
  return consumer as Listed & QueueConsumer;
}

test("turns go round among the first of those with room", () => {
  fc.assert(
    fc.property(steps, (story) => {
      const consumers = new Consumers(false);
      let list: (Listed & QueueConsumer)[] = [];
      for (const { kind, which } of story) {
        const one = kind === "add" ? aConsumer(which) : list[which % Math.max(1, list.length)];
        if (one === undefined) continue;
        if (kind === "add") {
          consumers.add(one);
          list.push(one);
        } else if (kind === "remove") {
          consumers.remove(one);
          // Once more changes nothing.
          consumers.remove(one);
          list = list.filter((other) => other !== one);
        } else one.hasRoom = kind === "empty";

        assert.equal(consumers.count, list.length);
        assert.deepEqual(
          consumers.all.map(({ priority }) => priority),
          list.map(({ priority }) => priority).sort((a, b) => b - a),
        );
        const free = list.filter(({ hasRoom }) => hasRoom);
        const highest = Math.max(...free.map(({ priority }) => priority));
        const wanted = new Set<unknown>(free.filter(({ priority }) => priority === highest));
        const got = new Set<unknown>();
        for (let turn = 0; turn < 2 * list.length; turn++) got.add(consumers.next());
        got.delete(null);
        assert.deepEqual(got, wanted);
      }
    }),
    { numRuns: 200 },
  );
});
