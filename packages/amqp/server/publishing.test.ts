// What a publisher may set, in RabbitMQ's words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type PropertyFields, propertiesOf } from "../codec/properties.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import { assertProperties } from "./publishing.ts";

const somebody = { name: "somebody", tags: ["management"] };
const refusal = (fields: PropertyFields, user = somebody): string | null => {
  try {
    assertProperties(propertiesOf(fields), user);
    return null;
  } catch (error) {
    assert(error instanceof ReplyError);
    return error.message;
  }
};

test("a time to live is a whole number of milliseconds up to ten years", () => {
  for (const expiration of ["0", "+1", "007", "315360000000"]) assert.equal(refusal({ expiration }), null);
  const cases = [
    ["", "no_integer"],
    ["x5", "no_integer"],
    ["1.5", '{leftover_string,".5"}'],
    ["-1", "{value_negative,-1}"],
    ["315360000001", "{value_too_large,315360000001}"],
  ] as const;
  for (const [expiration, why] of cases) {
    const text = `PRECONDITION_FAILED - invalid expiration '${expiration}': ${why}`;
    assert.equal(refusal({ expiration }), text);
  }
});

test("copies are a list", () => {
  assert.equal(refusal({ headers: { CC: ["a"], BCC: [] } }), null);
  assert.match(refusal({ headers: { CC: "a" } }) ?? "", /{unacceptable_type_in_header,"CC",longstr}$/);
});

test("only an impersonator speaks for others", () => {
  assert.equal(refusal({ userId: "somebody" }), null);
  assert.match(refusal({ userId: "other" }) ?? "", /'other' but authenticated user was 'somebody'$/);
  assert.equal(refusal({ userId: "other" }, { name: "somebody", tags: ["impersonator"] }), null);
});
