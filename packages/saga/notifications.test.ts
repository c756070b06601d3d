// What is told of sagas: their beginning and their end, once each, after the commit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker, type Json } from "@micronova/amqp";
import { errorTable, type RequestContext, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { busNotifier, busRpc } from "@micronova/rpc";
import { testStore } from "@micronova/store/testing";
import { type Saga, saga, sagaDoor, sagaMigrations, sagaNotifications, sagaRunner } from "./index.ts";

const errors = errorTable("saga-test", { refused: { status: 409, text: () => "No." } });
const calm = saga<object>("server-create")
  .local("do", { do: async () => undefined })
  .build();
const refused = saga<object>("server-delete")
  .local("do", {
    do: async () => {
      throw errors.refused();
    },
  })
  .build();
const quiet = saga<object>("server-settle")
  .local("do", { do: async () => undefined })
  .build();
const events = {
  subjectKey: "instance_id",
  types: { "server-create": "compute.instance.create", "server-delete": "compute.instance.delete" },
};
const request: RequestContext = {
  requestId: "req-1",
  userId: "u1",
  projectId: "p1",
  roles: [],
  isAdmin: false,
};

async function aCloud() {
  const platform = testPlatform();
  const store = await testStore(platform, sagaMigrations);
  const bus = new Broker(platform, { freeze: true }).bus();
  const deps = { platform, store, rpc: busRpc({ platform, bus }) };
  const watcher = sagaNotifications(busNotifier({ platform, bus }), [events], "h1");
  const told: Json[] = [];
  for (const priority of ["info", "error"])
    await bus.consume(
      { name: `notifications.${priority}`, durable: true },
      { prefetch: 0 },
      ({ message: { body }, ack }) => {
        told.push(body);
        ack();
      },
    );
  await sagaRunner({ ...deps, sagas: [calm, refused, quiet], owner: "c1", watcher }).start();
  const door = sagaDoor(deps);
  const run = async (what: Saga<object>, id: Uuid) => {
    const subject = { kind: "server", id };
    const sagaId = await store.transaction((tx) => door.start(tx, what, {}, { subject, request }));
    await door.outcome(sagaId);
    await platform.clock.advance(1);
  };
  return { run, told };
}

const typeOf = (body: Json) => [Object(body).priority, Object(body).event_type];

test("a saga's beginning and end are told, with whose and of what", async () => {
  const { run, told } = await aCloud();

  await run(calm, "s1");

  assert.deepEqual(told.map(typeOf), [
    ["INFO", "compute.instance.create.start"],
    ["INFO", "compute.instance.create.end"],
  ]);
  const { publisher_id, payload, timestamp, _context_request_id } = Object(told[0]);
  assert.deepEqual(
    [publisher_id, payload],
    ["compute.h1", { instance_id: "s1", tenant_id: "p1", user_id: "u1" }],
  );
  assert.equal(_context_request_id, "req-1");
  assert.match(timestamp, /^2026-01-01 00:00:00\.\d{6}$/);
});

test("one that was undone is told with its reason, as an error", async () => {
  const { run, told } = await aCloud();

  await run(refused, "s1");

  assert.deepEqual(told.map(typeOf), [
    ["INFO", "compute.instance.delete.start"],
    ["ERROR", "compute.instance.delete.error"],
  ]);
  const { code, exception, message } = Object(told[1]).payload;
  assert.deepEqual([code, exception, message], [409, errors.refused.kind, "No."]);
});

test("what has no name is not told of", async () => {
  const { run, told } = await aCloud();

  await run(quiet, "s1");

  assert.deepEqual(told, []);
});
