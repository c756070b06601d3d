// Routing: tables of cases for each kind, and the topic trie held against the obvious matcher.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Headers, Json } from "../bus.ts";
import { headersMatch } from "./headers.ts";
import { type Router, routerOf } from "./router.ts";

/** AMQP's rule, word by word, as slow as it is plain. */
function matches(pattern: readonly string[], key: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return key.length === 0;
  if (head === "#") return matches(rest, key) || (key.length > 0 && matches(pattern, key.slice(1)));
  return key.length > 0 && (head === "*" || head === key[0]) && matches(rest, key.slice(1));
}

// A key's own stars and hashes are words like any other; an empty key has none, as RabbitMQ counts.
const word = fc.constantFrom("a", "b", "cc", "", "*", "#");
const keyOf = fc.array(word, { maxLength: 7 }).map((words) => words.join("."));
const wordsOf = (key: string) => (key === "" ? [] : key.split("."));

test("a topic exchange routes as the naive matcher does, also after unbinding", () => {
  const patterns = fc.array(keyOf, { maxLength: 8 });
  fc.assert(
    fc.property(
      patterns,
      patterns,
      fc.array(keyOf, { minLength: 1, maxLength: 5 }),
      (kept, removed, keys) => {
        const router: Router<string> = routerOf("topic");
        for (const key of [...kept, ...removed]) router.bind({ key }, key);
        const left = new Set(kept);
        const gone = removed.filter((pattern) => !left.has(pattern));
        for (const key of keys) router.targets({ key });
        for (const pattern of gone) router.unbind({ key: pattern }, pattern);

        for (const key of keys) {
          const expected = [...left].filter((pattern) => matches(wordsOf(pattern), wordsOf(key)));
          assert.deepEqual([...router.targets({ key })].sort(), expected.sort());
        }
        for (const pattern of left) router.unbind({ key: pattern }, pattern);
        assert(router.isEmpty);
      },
    ),
    { numRuns: 500 },
  );
});

test("a pattern of many hashes is matched quickly", () => {
  const router: Router<string> = routerOf("topic");
  router.bind({ key: Array(30).fill("#.a").join(".") }, "q");

  const key = Array(200).fill("a").join(".");

  assert.deepEqual(router.targets({ key }), ["q"]);
  assert.deepEqual(router.targets({ key: `${key}.b` }), []);
});

test("a queue bound twice is a target once, for every kind", () => {
  for (const kind of ["direct", "topic", "fanout", "headers"] as const) {
    const router: Router<string> = routerOf(kind);
    router.bind({ key: "k" }, "q");
    router.bind({ key: "k" }, "q");
    assert.deepEqual(router.targets({ key: "k" }), ["q"], kind);
    router.unbind({ key: "k" }, "q");
    assert.deepEqual(router.targets({ key: "k" }), [], kind);
    assert(router.isEmpty, kind);
  }
});

test("unbinding one key leaves a queue's others", () => {
  for (const kind of ["direct", "topic", "fanout"] as const) {
    const router: Router<string> = routerOf(kind);
    router.bind({ key: "one" }, "q");
    router.bind({ key: "two" }, "q");
    router.unbind({ key: "one" }, "q");
    assert.deepEqual(router.targets({ key: "two" }), ["q"], kind);
    router.unbind({ key: "two" }, "q");
    assert.deepEqual(router.targets({ key: "two" }), [], kind);
  }
});

test("headers agree by all or any", () => {
  const cases = [
    [{ "x-match": "all", a: 1, b: "x" }, { a: 1, b: "x", c: 3 }, true],
    [{ a: 1, b: "x" }, { a: 1 }, false],
    [{ "x-match": "any", a: 1, b: "x" }, { b: "x" }, true],
    [{ "x-match": "any", a: 1 }, { a: 2 }, false],
    [{ "x-match": "any" }, { a: 2 }, false],
    [{}, { a: 2 }, true],
    [{ a: null }, { a: 2 }, true],
    [{ a: null }, {}, false],
    [{ "x-kind": "v", a: 1 }, { a: 1 }, true],
    [{ "x-match": "all-with-x", "x-kind": "v" }, {}, false],
    [{ "x-match": "any-with-x", "x-kind": "v", a: 1 }, { "x-kind": "v" }, true],
  ] as const;
  for (const [wanted, given, expected] of cases) {
    assert.equal(headersMatch(wanted, given), expected, JSON.stringify([wanted, given]));
  }
});

test("a headers exchange routes as each binding held against the message, also after unbinding", () => {
  const name = fc.constantFrom("a", "b", "x-c");
  const value = fc.constantFrom<Json>(1, 0, -0, "1", null, true, [1], { a: 1 });
  const given = fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true });
  const mode = fc.constantFrom(undefined, "all", "any", "all-with-x", "any-with-x");
  const wanted = fc
    .tuple(given, mode)
    .map(([headers, match]): Headers => (match === undefined ? headers : { ...headers, "x-match": match }));
  const binding = fc.record({ headers: wanted, target: fc.constantFrom("p", "q", "r") });
  fc.assert(
    fc.property(fc.array(binding, { maxLength: 8 }), fc.nat(8), given, (bindings, kept, headers) => {
      const router: Router<string> = routerOf("headers");
      const routeOf = ({ headers: own, target }: { headers: Headers; target: string }) =>
        [{ key: "", headers: own }, target] as const;
      const idOf = (one: { headers: Headers; target: string }) => JSON.stringify(one);
      for (const one of bindings) router.bind(...routeOf(one));
      const left = bindings.slice(0, kept);
      const ids = new Set(left.map(idOf));
      for (const one of bindings) if (!ids.has(idOf(one))) router.unbind(...routeOf(one));

      const expected = left.filter((one) => headersMatch(one.headers, headers)).map(({ target }) => target);

      assert.deepEqual([...router.targets({ key: "", headers })].sort(), [...new Set(expected)].sort());
      for (const one of left) router.unbind(...routeOf(one));
      assert(router.isEmpty);
    }),
    { numRuns: 500 },
  );
});
