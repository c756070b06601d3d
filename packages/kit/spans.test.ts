// Spans nest as the work does, and cost nothing where nobody asks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Span, SpanCollector, span, spanCollector, spanned } from "./spans.ts";
import { testPlatform } from "./testing.ts";

const names = (spans: readonly Span[]): unknown[] =>
  spans.map(({ name, spans: inner }) => (inner === undefined ? name : [name, names(inner)]));

test("spans nest, also across waiting, and those side by side do not mix", async () => {
  const { clock } = testPlatform();
  const collector = new SpanCollector(clock);

  const work = collector.run(() =>
    Promise.all([
      span("a", async () => {
        await clock.sleep(10);
        await span("a1", () => clock.sleep(5));
      }),
      span("b", () => span("b1", async () => spanCollector()?.add({ name: "far", at: 0, ms: 3 }))),
    ]),
  );
  await clock.advance(20);
  await work;

  assert.deepEqual(names(collector.spans), [
    ["b", [["b1", ["far"]]]],
    ["a", ["a1"]],
  ]);
  assert.deepEqual(
    collector.spans.map(({ ms }) => ms),
    [0, 15],
  );
});

test("a failure is noted and passes", async () => {
  const collector = new SpanCollector(testPlatform().clock);

  const failing = collector.run(() =>
    span("it", async () => {
      throw new Error("no");
    }),
  );

  await assert.rejects(failing, /no/);
  assert.equal(collector.spans[0]?.error, "no");
});

test("an object's methods are spans where somebody collects, and themselves elsewhere", async () => {
  class Driver {
    readonly #size = 3;
    async spawn(count: number) {
      return count + this.#size;
    }
    size() {
      return this.#size;
    }
  }
  const driver = spanned("fake", new Driver());
  const collector = new SpanCollector(testPlatform().clock);

  assert.equal(await driver.spawn(1), 4);
  assert.equal(driver.size(), 3);
  assert.equal(await collector.run(() => driver.spawn(2)), 5);
  assert.deepEqual(names(collector.spans), ["fake.spawn"]);
});
