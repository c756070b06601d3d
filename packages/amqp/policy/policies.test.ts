// Which policy counts, and that no pattern holds up the broker.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Policies } from "./policies.ts";
import type { Policy } from "./policy.ts";

function aPolicy(name: string, changes: Partial<Policy> = {}): Policy {
  const policy: Policy = {
    name,
    pattern: "",
    appliesTo: "all",
    definition: { "max-length": 1 },
    priority: 0,
  };
  return { ...policy, ...changes };
}

function policiesOf(...all: readonly Policy[]) {
  const givenUp: string[] = [];
  const policies = new Policies((policy, name) => givenUp.push(`${policy.name} at ${name.length}`));
  for (const policy of all) policies.put(policy);
  return { policies, givenUp };
}

test("of those that match and fit the highest priority counts, of equals the older", () => {
  const { policies } = policiesOf(
    aPolicy("low", { priority: -1 }),
    aPolicy("older", { pattern: "^q" }),
    aPolicy("younger", { pattern: "^q" }),
    aPolicy("exchanges", { appliesTo: "exchanges", priority: 2 }),
    aPolicy("quorum", { definition: { "delivery-limit": 1 }, priority: 1 }),
  );
  const names = () => [
    policies.ofQueue("q1", "classic")?.name,
    policies.ofQueue("q1", "quorum")?.name,
    policies.ofQueue("other", "classic")?.name,
    policies.ofExchange("q1")?.name,
  ];
  assert.deepEqual(names(), ["older", "quorum", "low", "exchanges"]);
  // One that is put again keeps its age.
  policies.put(aPolicy("older", { pattern: "^q." }));
  assert.deepEqual(names(), ["older", "quorum", "low", "exchanges"]);
  for (const name of ["older", "quorum", "exchanges", "low"]) policies.drop(name);
  assert.deepEqual(names(), ["younger", "younger", undefined, "younger"]);
});

test("a pattern that takes for ever is given up, and others go on", () => {
  const { policies, givenUp } = policiesOf(
    aPolicy("slow", { pattern: "^(a+)+$", priority: 1 }),
    aPolicy("quick", { pattern: "^(?!amq\\.)(a|b)*.*$" }),
  );
  assert.equal(policies.ofQueue("aaa", "classic")?.name, "slow");
  const name = `${"a".repeat(100)}b`;
  assert.equal(policies.ofQueue(name, "classic")?.name, "quick");
  assert.equal(policies.ofQueue("aaa", "classic")?.name, "quick");
  assert.deepEqual(givenUp, ["slow at 101"]);
});
