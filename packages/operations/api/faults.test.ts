// The API of faults: not there in an ordinary cloud, for administrators only, and exact about what is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker } from "@micronova/amqp";
import { openFaults } from "@micronova/faults";
import { testAuthenticator, testServer } from "@micronova/http/testing";
import { testPlatform } from "@micronova/kit/testing";
import { busRpc } from "@micronova/rpc";
import { sagaDoor, sagaMigrations } from "@micronova/saga";
import { testStore } from "@micronova/store/testing";
import { operationsService } from "../service.ts";

async function aCloud(isFaulty: boolean) {
  const platform = testPlatform();
  const store = await testStore(platform, [...sagaMigrations]);
  const rpc = busRpc({ platform, bus: new Broker(platform).bus() });
  const sagas = sagaDoor({ platform, store, rpc });
  const checks = { invariants: [], inspections: [], repairs: {} };
  const faults = openFaults(platform, { seed: "7", logPath: null, isNew: true, die: () => undefined });
  const deps = { platform, store, rpc, sagas, checks, admission: null, authenticator: testAuthenticator() };
  const service = operationsService({ ...deps, ...(isFaulty ? { faults } : {}) });
  const { call } = testServer(platform, { "/operations/v1": service });
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape.
  const ask = async (method: string, path: string, body?: unknown, token = "admin"): Promise<any> => {
    const answer = await call(token, method, `/operations/v1/faults${path}`, { body });
    return { status: answer.status, ...(answer.body as object | null) };
  };
  return { ask, faults };
}

const rule = { id: "slow", place: "http", match: { method: "GET" }, action: { kind: "delay", ms: 5 } };

test("a cloud that was not started for faults has none", async () => {
  const { ask } = await aCloud(false);

  for (const [method, path] of [
    ["GET", ""],
    ["POST", ""],
    ["DELETE", ""],
    ["DELETE", "/slow"],
    ["GET", "/log"],
  ] as const) {
    const { status, error } = await ask(method, path, method === "POST" ? { rules: [rule] } : undefined);
    assert.deepEqual(
      [status, error.message.startsWith("This cloud was not started with --faults")],
      [404, true],
    );
  }
});

test("faults are for administrators", async () => {
  const { ask, faults } = await aCloud(true);

  for (const [method, path] of [
    ["GET", ""],
    ["POST", ""],
    ["DELETE", ""],
    ["DELETE", "/slow"],
    ["GET", "/log"],
  ] as const)
    assert.equal((await ask(method, path, { rules: [rule] }, "member")).status, 403);
  assert.deepEqual(faults.rules.list(), []);
});

test("rules are added, listed with what they did, and removed", async () => {
  const { ask, faults } = await aCloud(true);

  const added = await ask("POST", "", { rules: [rule, { ...rule, id: "slow2", expires: { hits: 1 } }] });
  assert.equal(added.status, 201);
  const facts = { method: "GET" };
  faults.rules.decide("http", () => ({ where: "GET /x", requestId: "req-1", facts }));
  const { seed, rules } = await ask("GET", "");
  const { log } = await ask("GET", "/log?limit=1");

  assert.equal(seed, "7");
  assert.deepEqual(rules[0], {
    ...rule,
    when: {},
    expires: {},
    matched: 1,
    hits: 1,
    added_at: rules[0].added_at,
    is_over: false,
  });
  assert.deepEqual([rules[1].is_over, rules[1].hits], [true, 1]);
  assert.deepEqual(log, [
    { n: 2, rule: "slow2", place: "http", action: "delay", where: "GET /x", request_id: "req-1" },
  ]);
  assert.equal((await ask("DELETE", "/slow")).status, 204);
  assert.equal((await ask("DELETE", "/slow")).status, 404);
  assert.equal((await ask("DELETE", "")).status, 204);
  assert.deepEqual((await ask("GET", "")).rules, []);
});

test("a wrong rule is refused with its field, and none of its company is added", async () => {
  const { ask } = await aCloud(true);
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{}, /'rules' is a required property/],
    [{ rules: [] }, /'rules': \[\] is too short/],
    [{ rules: [{ place: "moon", action: { kind: "delay" } }] }, /'rules\/0\/place': 'moon' is not one of/],
    [
      { rules: [rule, { ...rule, id: "b", action: { kind: "delay" } }] },
      /'rules\/1\/action': 'ms' is a required/,
    ],
    [{ rules: [{ ...rule, match: { step: "spawn" } }] }, /'rules\/0\/match': .*'step' was unexpected/],
  ];
  for (const [body, expected] of cases) {
    const { status, error } = await ask("POST", "", body);
    assert.equal(status, 400);
    assert.match(error.message, expected);
  }
  assert.deepEqual((await ask("GET", "")).rules, []);
  await ask("POST", "", { rules: [rule] });
  const again = await ask("POST", "", { rules: [rule] });
  assert.deepEqual(
    [again.status, again.error.message],
    [409, "There is a fault rule slow already; remove it first."],
  );
});
