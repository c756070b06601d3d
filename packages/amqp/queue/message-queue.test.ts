// A queue held against a model: whatever is published, held, settled and returned, order and counts are the
// model's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "@micronova/kit";
import fc from "fast-check";
import type { Delivery } from "../bus.ts";
import { contentOfMessage } from "../content.ts";
import { MessageStats } from "../statistics.ts";
import { plainJson } from "../wire-form.ts";
import { HandlerConsumer } from "./handler-consumer.ts";
import { MessageQueue } from "./message-queue.ts";

type Step =
  | { readonly kind: "push" | "deliver" | "join"; readonly which?: undefined }
  | { readonly kind: "ack" | "drop" | "return" | "leave"; readonly which: number };

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("push" as const, "deliver" as const) }) },
    fc.record({ kind: fc.constant("join" as const) }),
    fc.record({
      kind: fc.constantFrom("ack" as const, "drop" as const, "return" as const, "leave" as const),
      which: fc.nat(20),
    }),
  ),
  { maxLength: 60 },
);

const deps = { log: silentLog, form: plainJson, stats: new MessageStats() };

function aQueue(): MessageQueue {
  const spec = { name: "q", durable: false, exclusive: false, autoDelete: false, arguments: {} };
  return new MessageQueue(
    spec,
    { owner: null },
    {
      form: plainJson,
      log: silentLog,
      now: () => 0,
      wake: () => undefined,
      tickAt: () => undefined,
      deadLetter: () => undefined,
      forget: () => undefined,
      pager: () => null,
    },
  );
}

test("a queue is behind when more than a burst waits for consumers that are busy", () => {
  const queue = aQueue();
  const push = (count: number) => {
    for (let body = 0; body < count; body++) queue.push(contentOfMessage("", "q", { body }));
  };
  push(1_001);
  const isBehindAlone = queue.isBehind;
  const held: Delivery[] = [];
  queue.add(new HandlerConsumer(queue, deps, { tag: "", prefetch: 10 }, (delivery) => held.push(delivery)));
  const isBehind = queue.isBehind;

  queue.deliver(256);

  assert.equal(isBehindAlone, false, "nobody is there to be heard first");
  assert.equal(isBehind, true);
  assert.equal(held.length, 10);
  assert.equal(queue.isBehind, false, "991 are a burst");
});

test("a queue behaves as its model", () => {
  fc.assert(fc.property(steps, fc.integer({ min: 0, max: 3 }), run), { numRuns: 300 });
});

function run(story: readonly Step[], prefetch: number): void {
  const queue = aQueue();
  const held: { readonly delivery: Delivery; readonly by: HandlerConsumer }[] = [];
  const consumers: HandlerConsumer[] = [];
  let ready: number[] = [];
  let pushed = 0;
  const returned = new Set<number>();

  /** Every delivery must be the lowest number that waits, and say rightly whether it was here before. */
  const take = (delivery: Delivery, by: () => HandlerConsumer) => {
    const number = ready.shift();
    assert.equal(delivery.message.body, number);
    assert.equal(delivery.redelivered, returned.has(number!));
    held.push({ delivery, by: by() });
  };
  const giveBack = (numbers: readonly number[]) => {
    for (const number of numbers) returned.add(number);
    ready = [...ready, ...numbers].sort((one, other) => one - other);
  };

  for (const step of story) {
    if (step.kind === "push") {
      queue.push(contentOfMessage("", "q", { body: pushed }));
      ready.push(pushed++);
    } else if (step.kind === "deliver") {
      queue.deliver(2);
    } else if (step.kind === "join") {
      const consumer: HandlerConsumer = new HandlerConsumer(queue, deps, { tag: "", prefetch }, (delivery) =>
        take(delivery, () => consumer),
      );
      queue.add(consumer);
      consumers.push(consumer);
    } else if (step.kind === "leave") {
      const [consumer] = consumers.splice(step.which % Math.max(1, consumers.length), 1);
      if (consumer === undefined) continue;
      const its = held.filter(({ by }) => by === consumer);
      queue.remove(consumer);
      consumer.release();
      giveBack(its.map(({ delivery }) => Number(delivery.message.body)));
      for (const one of its) held.splice(held.indexOf(one), 1);
    } else if (step.which !== undefined) {
      const [one] = held.splice(step.which % Math.max(1, held.length), 1);
      if (one === undefined) continue;
      if (step.kind === "ack") one.delivery.ack();
      else one.delivery.nack({ requeue: step.kind === "return" });
      if (step.kind === "return") giveBack([Number(one.delivery.message.body)]);
    }
    assert.deepEqual(
      [queue.readyCount, queue.unacknowledgedCount, queue.consumerCount],
      [ready.length, held.length, consumers.length],
    );
    for (const consumer of consumers) assert(prefetch === 0 || consumer.held.size <= prefetch);
  }
}
