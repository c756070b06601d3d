// The runner over the real store, broker and rpc: the order of things, what is undone, who waits for whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker } from "@micronova/amqp";
import { errorTable, systemContext, type Uuid } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { busRpc, contract, method } from "@micronova/rpc";
import { testStore } from "@micronova/store/testing";
import {
  type AnySaga,
  type Saga,
  saga,
  sagaDebts,
  sagaDoor,
  sagaMigrations,
  sagaRunner,
  sagasOf,
} from "./index.ts";

declare module "@micronova/store" {
  interface Tables {
    saga_test_claims: { server_id: string; host: string };
  }
}

const worker = contract("compute", {
  spawn: method<{ id: Uuid }, { console: string }>({ timeoutMs: 60_000 }),
  destroy: method<{ id: Uuid }>({ timeoutMs: 60_000 }),
});
const errors = errorTable("saga-test", {
  broken: { status: 500, text: (host: string) => `${host} is broken.`, retriable: true },
  refused: { status: 409, text: () => "No." },
});

interface Params {
  readonly id: Uuid;
  readonly hosts: readonly string[];
}

const create = saga<Params>("server-create")
  .query("schedule", {
    do: async (_env, { params, failures }) => {
      const tried = new Set(
        failures.map(({ outputs }) => (outputs.claim as { host: string } | undefined)?.host),
      );
      const host = params.hosts.find((one) => !tried.has(one));
      if (host === undefined) throw errors.refused();
      return { host };
    },
  })
  .local("claim", {
    do: async (tx, { params, outputs }) => {
      const { host } = outputs.schedule;
      await tx.insertInto("saga_test_claims").values({ server_id: params.id, host }).execute();
      return { host };
    },
    undo: async (tx, { params }) => {
      await tx.deleteFrom("saga_test_claims").where("server_id", "=", params.id).execute();
    },
  })
  .remote("spawn", {
    do: ({ rpc }, { params, outputs }) => rpc.on(worker, outputs.claim.host).spawn({ id: params.id }),
    undo: ({ rpc }, { params, outputs }) => rpc.on(worker, outputs.claim.host).destroy({ id: params.id }),
    undoMayWait: true,
    deadlineMs: 30_000,
  })
  .retryFrom("schedule", 3)
  .local("activate", { do: async () => undefined })
  .build();

async function aCloud(sagas: readonly AnySaga[], broken: readonly string[] = []) {
  const platform = testPlatform();
  const store = await testStore(platform, [
    ...sagaMigrations,
    {
      id: "saga-test/0001",
      sql: ["CREATE TABLE saga_test_claims (server_id TEXT PRIMARY KEY, host TEXT NOT NULL)"],
    },
  ]);
  const broker = new Broker(platform, { freeze: true });
  const rpc = busRpc({ platform, bus: broker.bus() });
  const running = new Set<string>();
  const calls: string[] = [];
  const gate = { spawn: Promise.resolve() as Promise<void>, isDestroyBroken: false };
  for (const host of ["h1", "h2", "h3"]) {
    await rpc
      .serve(worker, host, {
        async spawn({ id }) {
          calls.push(`spawn ${host}`);
          await gate.spawn;
          if (broken.includes(host)) throw errors.broken(host);
          running.add(`${host}/${id}`);
          return { console: host };
        },
        async destroy({ id }) {
          calls.push(`destroy ${host}`);
          if (gate.isDestroyBroken) throw errors.broken(host);
          running.delete(`${host}/${id}`);
        },
      })
      .start();
  }
  const deps = { platform, store, rpc };
  const runner = sagaRunner({ ...deps, sagas, owner: "c1" });
  await runner.start();
  const door = sagaDoor(deps);
  const subject = { kind: "server", id: platform.random.uuid() };
  const request = systemContext(platform.random.uuid());
  const start = <P>(what: Saga<P>, params: NoInfer<P>) =>
    store.transaction((tx) => door.start(tx, what, params, { subject, request }));
  return { platform, store, rpc, runner, door, subject, start, running, calls, gate };
}

/** What never comes ends with the test runner's patience: how many turns it takes depends on the store. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

test("a calm saga runs through in two transactions after the request's own", async () => {
  const cloud = await aCloud([create]);
  const id = cloud.subject.id;
  const transactions = countTransactions(cloud.store);

  const sagaId = await cloud.start(create, { id, hosts: ["h1"] });

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
  assert.equal(transactions(), 3);
  assert.deepEqual([...cloud.running], [`h1/${id}`]);
  const [record] = await sagasOf(cloud.store.read, cloud.subject);
  assert.deepEqual(
    record?.steps.map(({ name, result }) => [name, result]),
    [
      ["schedule", "success"],
      ["claim", "success"],
      ["spawn", "success"],
      ["activate", "success"],
    ],
  );
  await cloud.runner.stop();
});

test("a retriable failure unwinds to the named step and goes on elsewhere", async () => {
  const cloud = await aCloud([create], ["h1", "h2"]);
  const id = cloud.subject.id;

  const sagaId = await cloud.start(create, { id, hosts: ["h1", "h2", "h3"] });

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
  assert.deepEqual(cloud.calls, ["spawn h1", "destroy h1", "spawn h2", "destroy h2", "spawn h3"]);
  assert.deepEqual([...cloud.running], [`h3/${id}`]);
});

test("when attempts run out everything is undone, and the error is the last one", async () => {
  const cloud = await aCloud([create], ["h1", "h2", "h3"]);

  const sagaId = await cloud.start(create, { id: cloud.subject.id, hosts: ["h1", "h2", "h3"] });

  const outcome = await cloud.door.outcome(sagaId);
  assert.equal(outcome.state, "unwound");
  assert.match(outcome.state === "unwound" ? outcome.error.message : "", /h3 is broken/);
  assert.deepEqual(await cloud.store.read.selectFrom("saga_test_claims").selectAll().execute(), []);
});

test("local steps that fail are recorded alone, and onUnwound runs in the last transaction", async () => {
  const said: string[] = [];
  const failing = saga<{ at: number }>("failing")
    .local("one", {
      do: async () => said.push("do one"),
      undo: async () => void said.push("undo one"),
    })
    .local("two", {
      do: async (_tx, { params }) => {
        said.push("do two");
        if (params.at === 2) throw errors.refused();
      },
      undo: async (_tx, { cause }) => void said.push(`undo two because ${cause?.kind}`),
    })
    .onUnwound(async (_tx, { cause }) => void said.push(`unwound because ${cause.kind}`))
    .build();
  const cloud = await aCloud([failing]);

  const outcome = await cloud.door.outcome(await cloud.start(failing, { at: 2 }));

  assert.equal(outcome.state, "unwound");
  // The batch was rolled back and run again step by step; only what committed counts.
  assert.deepEqual(said.slice(-2), ["undo one", "unwound because saga-test.refused"]);
  const [record] = await sagasOf(cloud.store.read, cloud.subject);
  assert.deepEqual(
    record?.steps.map(({ name, result }) => [name, result]),
    [
      ["one", "undone"],
      ["two", "error"],
    ],
  );
});

test("a second saga on the subject waits for the first; cancel turns the first round", async () => {
  const cloud = await aCloud([create]);
  const id = cloud.subject.id;
  let open!: () => void;
  cloud.gate.spawn = new Promise((resolve) => {
    open = resolve;
  });
  const first = await cloud.start(create, { id, hosts: ["h1"] });
  await until(() => cloud.calls.length === 1);

  await cloud.store.transaction((tx) => cloud.door.cancel(tx, cloud.subject));
  const second = await cloud.start(create, { id, hosts: ["h2"] });
  const [waiting] = await sagasOf(cloud.store.read, cloud.subject);
  assert.equal(waiting?.state, "waiting");
  open();

  const outcome = await cloud.door.outcome(first);
  assert.equal(outcome.state === "unwound" && outcome.error.kind, "cancelled");
  assert.deepEqual(await cloud.door.outcome(second), { state: "finished" });
  assert.deepEqual([...cloud.running], [`h2/${id}`]);
});

test("an undo that fails is tried again with growing pauses, is stuck after an hour, and heals", async () => {
  const cloud = await aCloud([create], ["h1"]);
  cloud.gate.isDestroyBroken = true;
  const sagaId = await cloud.start(create, { id: cloud.subject.id, hosts: ["h1"] });
  await until(() => cloud.calls.includes("destroy h1"));

  for (let minute = 0; minute < 70; minute++) await cloud.platform.clock.advance(60_000);

  assert.equal((await cloud.door.outcome(sagaId)).state, "stuck");
  const tries = cloud.calls.length;
  assert(tries > 20 && tries < 100, `${tries} tries`);

  cloud.gate.isDestroyBroken = false;
  await cloud.store.transaction((tx) => cloud.door.retry(tx, sagaId));
  await until(async () => (await cloud.door.outcome(sagaId)).state === "unwound");
});

test("an operator may abandon an undo that fails", async () => {
  const cloud = await aCloud([create], ["h1"]);
  cloud.gate.isDestroyBroken = true;
  const sagaId = await cloud.start(create, { id: cloud.subject.id, hosts: ["h1"] });
  await until(async () => {
    const row = await cloud.store.read.selectFrom("sagas").select("trouble").executeTakeFirstOrThrow();
    return row.trouble !== null;
  });

  await cloud.store.transaction((tx) => cloud.door.abandon(tx, sagaId));

  assert.equal((await cloud.door.outcome(sagaId)).state, "unwound");
});

test("a step that outlasts its deadline fails and is undone", async () => {
  const cloud = await aCloud([create]);
  cloud.gate.spawn = new Promise(() => {});
  const sagaId = await cloud.start(create, { id: cloud.subject.id, hosts: ["h1"] });
  await until(() => cloud.calls.length === 1);

  await cloud.platform.clock.advance(40_000);

  const { error } = await cloud.store.read
    .selectFrom("saga_events")
    .select("error")
    .where("saga_id", "=", sagaId)
    .where("type", "=", "failed")
    .executeTakeFirstOrThrow();
  assert.match(error ?? "", /spawn did not end within 30000 ms/);
});

test("stopping leaves a saga to the next runner at once, which repeats the step under way", async () => {
  const cloud = await aCloud([create]);
  cloud.gate.spawn = new Promise(() => {});
  const id = cloud.subject.id;
  const sagaId = await cloud.start(create, { id, hosts: ["h1"] });
  await until(() => cloud.calls.length === 1);

  await cloud.runner.stop();
  const next = sagaRunner({ ...cloud, sagas: [create], owner: "c2" });
  await next.start();
  await until(async () => {
    const row = await cloud.store.read.selectFrom("sagas").select("owner").executeTakeFirstOrThrow();
    return row.owner === "c2";
  });

  const { state, generation } = await cloud.store.read
    .selectFrom("sagas")
    .selectAll()
    .where("id", "=", sagaId)
    .executeTakeFirstOrThrow();
  assert.deepEqual([state, generation], ["running", 3]);
});

test("a host that does not answer holds no saga; it undoes what it owes when it is back", async () => {
  const cloud = await aCloud([create]);
  const id = cloud.subject.id;

  // Nobody serves h4.
  const sagaId = await cloud.start(create, { id, hosts: ["h4", "h1"] });
  for (let second = 0; second < 40; second++) await cloud.platform.clock.advance(1_000);

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
  assert.deepEqual([...cloud.running], [`h1/${id}`]);
  assert.deepEqual(
    (await sagaDebts(cloud.store.read)).map(({ step }) => step),
    ["spawn"],
  );

  const destroyed: string[] = [];
  const back = cloud.rpc.serve(worker, "h4", {
    spawn: async () => assert.fail("nobody spawns here any more"),
    destroy: async (args) => void destroyed.push(args.id),
  });
  await back.start();
  for (let second = 0; second < 60; second++) await cloud.platform.clock.advance(1_000);

  assert.deepEqual(destroyed, [id]);
  assert.deepEqual(await sagaDebts(cloud.store.read), []);
});

test("a debt that was put off by a clock which ran ahead is paid when its host is back", async () => {
  const cloud = await aCloud([create]);
  const { id } = cloud.subject;
  await cloud.start(create, { id, hosts: ["h4", "h1"] });
  for (let second = 0; second < 40; second++) await cloud.platform.clock.advance(1_000);
  const aheadMs = 600_000;
  await cloud.store.transaction((tx) =>
    tx
      .updateTable("saga_debts")
      .set((debt) => ({ due_at: debt("due_at", "+", aheadMs) }))
      .execute(),
  );

  await cloud.rpc.serve(worker, "h4", { spawn: async () => assert.fail(), destroy: async () => {} }).start();
  for (let second = 0; second < 60; second++) await cloud.platform.clock.advance(1_000);

  assert.deepEqual(await sagaDebts(cloud.store.read), []);
});

test("a step that awaits what it must not is tried ever less often, and seen", async () => {
  const tries: number[] = [];
  const careless = saga<object>("careless")
    .local("wait", {
      do: async () => {
        tries.push(tries.length);
        await new Promise((resolve) => setImmediate(resolve));
      },
    })
    .build();
  const cloud = await aCloud([careless]);
  const sagaId = await cloud.start(careless, {});

  for (let minute = 0; minute < 70; minute++) await cloud.platform.clock.advance(60_000);

  assert.equal((await cloud.door.outcome(sagaId)).state, "stuck");
  assert(tries.length < 100, `${tries.length} tries`);
  await cloud.store.transaction((tx) => cloud.door.abandon(tx, sagaId));
  assert.equal((await cloud.door.outcome(sagaId)).state, "unwound");
});

test("a host that is only starting is asked again until it answers", async () => {
  const cloud = await aCloud([create]);
  const { id } = cloud.subject;
  const sagaId = await cloud.start(create, { id, hosts: ["h4"] });
  await cloud.platform.clock.advance(5_000);

  const spawned: string[] = [];
  const handlers = {
    spawn: async (args: { id: Uuid }) => ({ console: `${spawned.push(args.id)}` }),
    destroy: async () => assert.fail("nothing is undone"),
  };
  await cloud.rpc.serve(worker, "h4", handlers).start();
  await cloud.platform.clock.advance(5_000);

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
  assert.deepEqual(spawned, [id]);
});

test("what only takes away may wait too: a server is deleted though its host does not answer", async () => {
  const remove = saga<Params>("server-delete")
    .remote("destroy", {
      do: ({ rpc }, { params }) => rpc.on(worker, "h4").destroy({ id: params.id }),
      doMayWait: true,
    })
    .local("forget", { do: async () => undefined })
    .build();
  const cloud = await aCloud([remove]);
  const { id } = cloud.subject;

  const sagaId = await cloud.start(remove, { id, hosts: [] });
  for (let second = 0; second < 40; second++) await cloud.platform.clock.advance(1_000);

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
  const destroyed: string[] = [];
  const handlers = { spawn: async () => assert.fail(), destroy: async () => void destroyed.push(id) };
  await cloud.rpc.serve(worker, "h4", handlers).start();
  for (let second = 0; second < 60; second++) await cloud.platform.clock.advance(1_000);
  assert.deepEqual([destroyed, await sagaDebts(cloud.store.read)], [[id], []]);
});

test("a hint that is lost is made up for by the scan", async () => {
  const cloud = await aCloud([create]);
  const deaf = { ...cloud, rpc: { ...cloud.rpc, cast: () => ({ wake: async () => undefined }) as never } };
  const sagaId = await cloud.store.transaction((tx) =>
    sagaDoor(deaf).start(
      tx,
      create,
      { id: cloud.subject.id, hosts: ["h1"] },
      {
        subject: cloud.subject,
        request: systemContext(cloud.subject.id),
      },
    ),
  );

  await cloud.platform.clock.advance(11_000);

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
});

test("a lease from a clock that ran ahead keeps a saga no longer than others", async () => {
  const cloud = await aCloud([create]);
  const deaf = { ...cloud, rpc: { ...cloud.rpc, cast: () => ({ wake: async () => undefined }) as never } };
  const params = { id: cloud.subject.id, hosts: ["h1"] };
  const options = { subject: cloud.subject, request: systemContext(cloud.subject.id) };
  const sagaId = await cloud.store.transaction(async (tx) => {
    const id = await sagaDoor(deaf).start(tx, create, params, options);
    const lease_until = cloud.platform.clock.now() + 3_600_000;
    await tx.updateTable("sagas").set({ owner: "another", lease_until }).execute();
    return id;
  });

  await cloud.platform.clock.advance(11_000);

  assert.deepEqual(await cloud.door.outcome(sagaId), { state: "finished" });
});

function countTransactions(store: { transaction: unknown }): () => number {
  let count = 0;
  const inner = store.transaction as (...args: unknown[]) => unknown;
  store.transaction = (...args: unknown[]) => {
    count++;
    return inner(...args);
  };
  return () => count;
}
