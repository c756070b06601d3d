import assert from "node:assert/strict";
import { test } from "node:test";
import { fits, likePatterns } from "./server-filters.ts";

test("a simple expression becomes patterns that fit the same texts", () => {
  const cases: readonly [string, string, boolean][] = [
    ["web", "my-web-1", true],
    ["^web", "my-web-1", false],
    ["^web", "web-1", true],
    ["1$", "web-1", true],
    ["1$", "web-12", false],
    ["^web-1$", "web-1", true],
    ["^web-1$", "web-12", false],
    ["a.c", "xabcx", true],
    ["a\\.c", "abc", false],
    ["a\\.c", "a.c", true],
    ["^a.*z$", "abcz", true],
    ["one|two", "two", true],
    ["one|two", "three", false],
    ["", "anything", true],
    ["10.0.0.", "10.0.0.7", true],
  ];

  for (const [expression, text, expected] of cases)
    assert.equal(fits(likePatterns(expression), text), expected, `${expression} on ${text}`);
});

test("an expression beyond the subset is plain text, and never takes long", () => {
  const started = performance.now();

  assert.equal(fits(likePatterns("(a+)+$"), "a".repeat(10_000)), false);
  assert.equal(fits(likePatterns("[web]"), "x[web]x"), true);
  assert.equal(fits(likePatterns(`${"a.*".repeat(200)}b`), "a".repeat(5_000)), false);

  assert(performance.now() - started < 500);
});
