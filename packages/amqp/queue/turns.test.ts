// When queues are due: on time, by one timer, however many there are and however far it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import type { MessageQueue } from "./message-queue.ts";
import { Turns } from "./turns.ts";

function someTurns() {
  const platform = testPlatform();
  let sleepers = 0;
  const { clock } = platform;
  const counted = {
    ...clock,
    async sleep(ms: number, signal?: AbortSignal) {
      sleepers++;
      await clock.sleep(ms, signal).finally(() => sleepers--);
    },
  };
  const closing = new AbortController();
  const ticked: [string, number][] = [];
  const begin = clock.now();
  const turns = new Turns({ ...platform, clock: counted }, closing.signal, (queue) =>
    ticked.push([queue.name, clock.now() - begin]),
  );
  // Of a queue only its name is looked at here.
  const aQueue = (name: string) => ({ name }) as MessageQueue;
  return { turns, clock, begin, closing, ticked, aQueue, sleepers: () => sleepers };
}

test("queues are looked at when they are due, each once, the earliest of its times", async () => {
  const { turns, clock, begin, ticked, aQueue } = someTurns();
  const [one, two, gone] = [aQueue("one"), aQueue("two"), aQueue("gone")];
  turns.tickAt(one, begin + 300);
  turns.tickAt(one, begin + 100);
  turns.tickAt(two, begin + 200);
  turns.tickAt(gone, begin + 150);
  turns.forget(gone);

  await clock.advance(1_000);

  assert.deepEqual(ticked, [
    ["one", 100],
    ["two", 200],
  ]);
});

test("one timer serves all of them, and none is left when the broker closes", async () => {
  const { turns, clock, begin, closing, ticked, aQueue, sleepers } = someTurns();
  const far = aQueue("far");
  const busy = aQueue("busy");
  const days = 50 * 24 * 3_600_000;
  turns.tickAt(far, begin + days);
  for (let round = 1; round <= 200; round++) {
    turns.tickAt(busy, clock.now() + 10);
    await clock.advance(10);
    assert.ok(sleepers() <= 1, `${sleepers()} timers after ${round} rounds`);
  }
  assert.equal(ticked.length, 200);

  await clock.advance(days);

  assert.deepEqual(ticked.at(-1), ["far", days]);
  turns.tickAt(busy, clock.now() + 10);
  closing.abort();
  await clock.advance(0);
  assert.equal(sleepers(), 0);
});
