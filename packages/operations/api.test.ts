// The operators' API: who may ask, sagas page by page, a stuck one on its way, the audit log.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker } from "@micronova/amqp";
import { testAuthenticator, testServer } from "@micronova/http/testing";
import { errorTable, span, systemContext, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { busRpc } from "@micronova/rpc";
import { saga, sagaDoor, sagaMigrations, sagaRunner } from "@micronova/saga";
import { testStore } from "@micronova/store/testing";
import { operationsMigrations, operationsService, requestLog } from "./index.ts";

const errors = errorTable("operations-test", {
  no: { status: 500, text: (what: string) => `The ${what} does not work.` },
});
const calm = saga<object>("calm")
  .local("only", { do: async () => null })
  .build();
const stubborn = saga<object>("stubborn")
  .remote("first", {
    do: async () => null,
    undo: async () => {
      throw errors.no("undo");
    },
  })
  .local("second", {
    do: async () => {
      throw errors.no("second step");
    },
  })
  .build();

const working = saga<object>("working")
  .remote("far", { do: () => span("the work", async () => null) })
  .build();

async function aCloud() {
  const platform = testPlatform();
  const store = await testStore(platform, [...sagaMigrations, ...operationsMigrations]);
  const rpc = busRpc({ platform, bus: new Broker(platform).bus() });
  const sagas = sagaDoor({ platform, store, rpc });
  const runner = sagaRunner({ platform, store, rpc, sagas: [calm, stubborn, working], owner: "c1" });
  const requests = requestLog({ platform, store });
  await requests.start();
  await runner.start();
  const checks = { invariants: [], inspections: [], repairs: {} };
  const deps = { platform, store, rpc, sagas, checks, admission: null, authenticator: testAuthenticator() };
  const { call } = testServer(platform, { "/operations/v1": operationsService(deps) });
  const start = (id: Uuid, built: typeof calm) =>
    store.transaction((tx) =>
      sagas.start(tx, built, {}, { subject: { kind: "thing", id }, request: systemContext(id) }),
    );
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape.
  const ask = async (path: string, method = "GET", token: string | null = "admin"): Promise<any> => {
    const { status, body } = await call(token, method, `/operations/v1${path}`);
    return { status, ...(body as object) };
  };
  return { platform, start, ask, requests };
}

const thing = (n: number): Uuid => `00000000-0000-4000-8000-00000000000${n}`;

test("only administrators are let in", async () => {
  const { ask } = await aCloud();

  assert.equal((await ask("/sagas", "GET", null)).status, 401);
  assert.equal((await ask("/sagas", "GET", "member")).status, 403);
  assert.equal((await ask("/doctor", "GET", "member")).status, 403);
  assert.equal((await ask("/doctor")).status, 200);
});

test("sagas are listed newest first, page by page, and shown with their steps", async () => {
  const { platform, start, ask } = await aCloud();
  for (const n of [1, 2, 3]) {
    await start(thing(n), calm);
    await platform.clock.advance(100);
  }

  const first = await ask("/sagas?limit=2");
  const next = new URL(first.sagas_links[0].href);
  const second = await ask(next.pathname.replace("/operations/v1", "") + next.search);
  const one = await ask(`/sagas/${second.sagas[0].id}`);

  const subjects = [...first.sagas, ...second.sagas].map(({ subject }) => subject.id);
  assert.deepEqual(subjects, [thing(3), thing(2), thing(1)]);
  assert.equal(second.sagas_links, undefined);
  assert.deepEqual(
    [one.saga.state, one.saga.steps.map(({ name, result }: Record<string, string>) => [name, result])],
    ["finished", [["only", "success"]]],
  );
  assert.equal((await ask(`/sagas/${thing(9)}`)).status, 404);
  assert.equal((await ask("/sagas?marker=x")).status, 400);
  assert.equal((await ask("/sagas?state=odd")).status, 400);
});

test("an undo that fails can be tried again, or given up, which the audit log says", async () => {
  const { platform, start, ask } = await aCloud();
  const id = await start(thing(1), stubborn);
  await platform.clock.advance(500);

  const before = await ask(`/sagas/${id}`);
  assert.deepEqual([before.saga.state, before.saga.trouble.step], ["unwinding", "first"]);
  assert.equal(before.saga.trouble.error, "The undo does not work.");

  const tries = before.saga.trouble.tries;
  assert.equal((await ask(`/sagas/${id}/retry`, "POST")).status, 202);
  await platform.clock.advance(100);
  assert.equal((await ask(`/sagas/${id}`)).saga.trouble.tries, tries + 1);

  assert.equal((await ask(`/sagas/${id}/abandon`, "POST")).status, 202);
  await platform.clock.advance(100);
  assert.equal((await ask(`/sagas/${id}`)).saga.state, "unwound");
  const { audit } = await ask("/audit");
  assert.deepEqual([audit[0].action, audit[0].subject.id], ["saga-abandon", thing(1)]);
  assert.equal((await ask(`/sagas/${id}/retry`, "POST")).status, 409);
});

test("a request's id opens the tree of all it led to", async () => {
  const { platform, start, ask, requests } = await aCloud();
  const requestId = `req-${thing(1)}`;
  const at = platform.clock.now();
  const spans = [{ name: "transaction", at, ms: 1.5 }];
  requests.add({ requestId, method: "POST", path: "/things", status: 202, at, ms: 2, spans });
  requests.add({ requestId: "req-quick", method: "GET", path: "/things", status: 200, at, ms: 2, spans });
  await start(thing(1), working);
  await platform.clock.advance(1_000);

  const { trace } = await ask(`/traces/${requestId}`);

  // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape.
  const names = (one: any): unknown[] => [one.name, ...one.spans.map(names)];
  assert.deepEqual(names(trace), [
    "POST /things",
    ["transaction"],
    [`working of thing ${thing(1)}`, ["far", ["the work"]]],
  ]);
  assert.equal(trace.spans[1].attributes.state, "finished");
  assert.equal((await ask("/traces/req-quick")).status, 404);
});
