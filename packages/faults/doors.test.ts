// The doors inside a cloud: what rules do to messages, transactions, drivers' calls, clocks and sagas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker, type Bus, type Queue } from "@micronova/amqp";
import { isFault, systemContext } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { busRpc, contract, method } from "@micronova/rpc";
import { saga, sagaDoor, sagaMigrations, sagaRunner } from "@micronova/saga";
import { afterCommit, now, type Store, storeErrors } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import { faultErrors, openFaults, readRules } from "./index.ts";

function someFaults() {
  const platform = testPlatform();
  let deaths = 0;
  const faults = openFaults(platform, { seed: "1", logPath: null, isNew: true, die: () => void deaths++ });
  const add = async (...rules: readonly object[]) => {
    // What a client sends.
    faults.rules.add(await readRules(rules as Parameters<typeof readRules>[0]));
  };
  const log = () => faults.log(100).map(({ action, where, request_id }) => [action, where, request_id]);
  return { platform, faults, add, log, deaths: () => deaths };
}

const work: Queue = { name: "compute.h1" };
const to = { exchange: "", key: "compute.h1" };
const sender = { role: "conductor", host: "c1" };
const worker = { role: "compute", host: "h1" };

async function aWire() {
  const { platform, faults, ...rest } = someFaults();
  const broker = new Broker(platform);
  const bus = faults.bus(sender, broker.bus());
  const heard: unknown[] = [];
  await faults.bus(worker, broker.bus()).consume(work, { prefetch: 10 }, (delivery) => {
    heard.push(Reflect.get(Object(delivery.message.body), "n"));
    delivery.ack();
  });
  const send = (...numbers: readonly number[]) =>
    numbers.reduce<Promise<void>>(
      (before, n) => before.then(() => bus.publish(to, { body: { n, method: n > 9 ? "destroy" : "spawn" } })),
      Promise.resolve(),
    );
  return { platform, faults, ...rest, bus, heard, send };
}

const bus = (kind: string, action: object = {}, rest: object = {}) => ({
  place: "bus",
  action: { kind, ...action },
  ...rest,
});

test("messages are lost, repeated, late, or overtaken", async () => {
  const cases: readonly (readonly [object, readonly number[], readonly number[]])[] = [
    [bus("lose", {}, { when: { nth: 2 } }), [1, 3], [1, 3]],
    [bus("lose", {}, { match: { method: "destroy" } }), [1, 2, 3], [1, 2, 3]],
    [bus("lose", {}, { match: { queue: "compute.*", role: "conductor", host: "c1" } }), [], []],
    [bus("repeat", {}, { when: { nth: 1 } }), [1, 2, 3], [1, 2, 3, 1]],
    [bus("delay", { ms: 500 }, { when: { nth: 1 } }), [2, 3], [2, 3, 1]],
    [bus("reorder", {}, { when: { nth: 1 } }), [2, 1, 3], [2, 1, 3]],
    [bus("reorder", { ms: 300 }, { when: { nth: 3 } }), [1, 2], [1, 2, 3]],
  ];
  for (const [rule, atOnce, intheEnd] of cases) {
    const { platform, add, heard, send } = await aWire();
    await add(rule);

    await send(1, 2, 3);
    const before = heard.slice(0, atOnce.length);
    await platform.clock.advance(1_000);

    assert.deepEqual([before, heard], [atOnce, intheEnd], JSON.stringify(rule));
  }
});

test("a frozen worker consumes nothing until it thaws, and then all of it in order", async () => {
  const { platform, add, log, heard, send } = await aWire();
  await add(bus("freeze", {}, { match: { queue: "compute.h1" }, expires: { seconds: 60 } }));

  await send(1, 2);
  await platform.clock.advance(59_000);
  assert.deepEqual(heard, []);
  await platform.clock.advance(1_000);
  await send(3);

  assert.deepEqual(heard, [1, 2, 3]);
  assert.deepEqual(log(), [["freeze", "compute.h1", null]]);
});

test("while its broker is away a process sends nothing, and nobody hears", async () => {
  const { faults, platform, add, heard, send } = await aWire();
  await add(bus("away", {}, { id: "cut", match: { role: "conductor" } }));

  const sent = send(1);
  await platform.clock.advance(10_000);
  assert.deepEqual(heard, []);
  faults.rules.remove("cut");
  await sent;

  assert.deepEqual(heard, [1]);
});

test("a call over the bus tells what it leads to on whose behalf it happens", async () => {
  const { platform, faults, add, log } = someFaults();
  const things = contract("compute", { spawn: method<{ readonly serverId: string }>({ timeoutMs: 1_000 }) });
  const broker = new Broker(platform);
  const rpcOf = (process: { readonly role: string; readonly host: string }): ReturnType<typeof busRpc> =>
    busRpc({ platform, bus: faults.bus(process, broker.bus()) });
  const driver = faults.driver({ host: "h1", kind: "virt" }, { spawn: async (_id: string) => undefined });
  await rpcOf(worker)
    .serve(things, "h1", { spawn: ({ serverId }) => driver.spawn(serverId) })
    .start();
  await add(bus("repeat", {}, { match: { resource: "s1", method: "spawn" } }), {
    place: "driver",
    match: { method: "spawn", resource: "s1" },
    action: { kind: "fail" },
  });
  const context = { ...systemContext("0f0e0d0c-0000-4000-8000-000000000001"), requestId: "req-1" };
  const ask = (serverId: string) => rpcOf(sender).on(things, "h1", { context }).spawn({ serverId });

  await ask("s2");
  await assert.rejects(ask("s1"), (error) => isFault(error, faultErrors.asked));

  assert.deepEqual(log(), [
    ["repeat", "compute.h1 spawn", "req-1"],
    ["fail", "h1 virt.spawn", "req-1"],
  ]);
});

async function aDriver(...rules: readonly object[]) {
  const { platform, faults, add, log } = someFaults();
  const done: string[] = [];
  const driver = {
    name: "fake",
    start: async () => void done.push("start"),
    create: async (volume: { readonly volumeId: string }) => void done.push(volume.volumeId),
  };
  await add(...rules);
  const faulty = faults.driver({ host: "h1", kind: "volume" }, driver);
  return { platform, faults, driver: faulty, done, log };
}

const creating = (kind: string, action: object = {}, rest: object = {}) => ({
  place: "driver",
  match: { method: "create" },
  action: { kind, ...action },
  ...rest,
});

test("a driver's nth call fails, before its work or after it", async () => {
  for (const moment of ["before", "after"]) {
    const { driver, done } = await aDriver(creating("fail", { moment }, { when: { nth: 2 } }));

    await driver.start();
    await driver.create({ volumeId: "a" });
    const failing = driver.create({ volumeId: "b" });
    await assert.rejects(failing, /^Fault: h1 volume\.create fails, as fault rule rule-1 asks\.$/);
    await driver.create({ volumeId: "c" });

    assert.deepEqual(done, ["start", "a", ...(moment === "after" ? ["b"] : []), "c"]);
    assert.equal(driver.name, "fake");
  }
});

test("rules reach what a part of a driver does", async () => {
  const { faults, add, log } = someFaults();
  const migration = { receive: async (_id: string) => undefined };
  await add({ place: "driver", match: { method: "receive", resource: "s1" }, action: { kind: "fail" } });
  const { migration: faulty } = faults.driver({ host: "h1", kind: "virt" }, { name: "fake", migration });

  await faulty.receive("s2");
  await assert.rejects(faulty.receive("s1"), (error) => isFault(error, faultErrors.asked));

  assert.deepEqual(log(), [["fail", "h1 virt.receive", null]]);
});

test("a driver says what it is told to", async () => {
  const { driver } = await aDriver(creating("fail", { message: "The disk is full." }));

  await assert.rejects(driver.create({ volumeId: "a" }), /The disk is full\./);
});

test("a driver's call hangs for a time, or as long as its rule is there", async () => {
  const { driver, done, platform, faults } = await aDriver(
    creating("hang", { ms: 5_000 }, { when: { nth: 1 } }),
    creating("hang", { moment: "after" }, { id: "stuck", when: { nth: 2 } }),
    creating("delay", { ms: 100 }, { when: { nth: 3 } }),
  );
  let isOver = false;

  const first = driver.create({ volumeId: "a" });
  await platform.clock.advance(4_999);
  assert.deepEqual(done, []);
  await platform.clock.advance(1);
  await first;
  const second = driver.create({ volumeId: "b" }).then(() => {
    isOver = true;
  });
  await platform.clock.advance(3_600_000);
  assert.deepEqual([done, isOver], [["a", "b"], false]);
  faults.rules.remove("stuck");
  await second;
  const third = driver.create({ volumeId: "c" });
  await platform.clock.advance(100);
  await third;

  assert.deepEqual(done, ["a", "b", "c"]);
});

test("a process dies before or after a driver's work", async () => {
  for (const [moment, expected] of [
    ["before", []],
    ["after", ["a"]],
  ] as const) {
    const done: string[] = [];
    const doneAtDeath: (readonly string[])[] = [];
    const die = () => void doneAtDeath.push([...done]);
    const faults = openFaults(testPlatform(), { seed: "1", logPath: null, isNew: true, die });
    // What a client sends.
    const rules = [creating("kill", { moment }, { when: { nth: 1 } })] as Parameters<typeof readRules>[0];
    faults.rules.add(await readRules(rules));
    const create = async ({ volumeId }: { readonly volumeId: string }) => void done.push(volumeId);

    await faults.driver({ host: "h1", kind: "volume" }, { create }).create({ volumeId: "a" });

    assert.deepEqual(doneAtDeath, [expected]);
  }
});

test("a store refuses, is late, or makes a transaction without saying so", async () => {
  const { platform, faults, add, log } = someFaults();
  const store: Store = await testStore(platform, [
    { id: "test/0001-notes", sql: ["CREATE TABLE saga_fences (subject TEXT PRIMARY KEY, counter INTEGER)"] },
  ]);
  const seen = faults.store({ role: "conductor", host: "c1" }, store);
  const other = faults.store({ role: "api", host: "c1" }, store);
  const told: string[] = [];
  const write = (to: Store, subject: string) =>
    to.transaction(async (tx) => {
      afterCommit(tx, () => told.push(subject));
      await tx.insertInto("saga_fences").values({ subject, counter: 1 }).execute();
    });
  const at = (nth: number) => ({ place: "store", match: { role: "conductor" }, when: { nth } });
  await add(
    { ...at(1), action: { kind: "refuse" } },
    { ...at(2), action: { kind: "lose-answer" } },
    { ...at(3), action: { kind: "delay", ms: 1_000 } },
  );

  await assert.rejects(write(seen, "a"), (error) => isFault(error, storeErrors.locked));
  await assert.rejects(write(seen, "b"), (error) => isFault(error, storeErrors.unreachable));
  const late = write(seen, "c");
  await write(other, "d");
  await platform.clock.advance(1_000);
  await late;

  const rows = await store.read.selectFrom("saga_fences").select("subject").orderBy("subject").execute();
  assert.deepEqual(
    rows.map(({ subject }) => subject),
    ["b", "c", "d"],
  );
  assert.deepEqual(told, ["d", "c"]);
  assert.deepEqual(
    log().map(([action, where]) => `${action} ${where}`),
    ["refuse conductor transaction", "lose-answer conductor transaction", "delay conductor transaction"],
  );
});

test("one process' wall clock jumps, and back when the rule ends", async () => {
  const { platform, faults, add } = someFaults();
  const conductor = faults.platform({ role: "conductor", host: "c1" }).clock;
  const api = faults.platform({ role: "api", host: "c1" }).clock;
  const wrongBy = () => [conductor.now() - platform.clock.now(), api.now() - platform.clock.now()];
  const before = conductor.monotonic();

  await add({
    place: "clock",
    match: { role: "conductor" },
    action: { kind: "jump", ms: -7_200_000 },
    expires: { seconds: 10 },
  });
  const during = wrongBy();
  await platform.clock.advance(10_000);

  assert.deepEqual(
    [during, wrongBy()],
    [
      [-7_200_000, 0],
      [0, 0],
    ],
  );
  assert.equal(conductor.monotonic() - before, 10_000);
});

test("a process dies before or after the commit that records a step, and not before it is asked to", async () => {
  const cases = [
    [{ step: "far" }, ["far succeeded after-commit"]],
    [{ step: "far", moment: "before-commit" }, ["far succeeded before-commit"]],
    [{ step: "far", event: "started" }, ["far started after-commit"]],
    [{ saga: "two-*", moment: "*" }, ["near", "far"].flatMap((step) => [`${step} succeeded before-commit`])],
    [{ saga: "other" }, []],
    [{ step: "far", event: "undone" }, []],
  ] as const;
  for (const [match, expected] of cases) {
    const { platform, faults, add, log, deaths } = someFaults();
    const store = await testStore(platform, [...sagaMigrations]);
    const rpc = busRpc({ platform, bus: new Broker(platform).bus() });
    const sagas = sagaDoor({ platform, store, rpc });
    const built = saga<object>("two-steps")
      .local("near", { do: async (tx) => now(tx) })
      .remote("far", { do: async () => null })
      .build();
    const runner = { platform, store, rpc, sagas: [built], owner: "c1", boundary: faults.sagaBoundary };
    await sagaRunner(runner).start();
    await add({ place: "saga", match, action: { kind: "kill" } });

    const subject = { kind: "thing", id: "0f0e0d0c-0000-4000-8000-000000000001" };
    const request = systemContext(subject.id);
    await store.transaction((tx) => sagas.start(tx, built, {}, { subject, request }));
    await platform.clock.advance(100);

    const found = log().map(([, where]) => String(where).replace("two-steps ", ""));
    const wanted = expected.length === 2 ? found.filter((where) => where.endsWith("before-commit")) : found;
    assert.deepEqual(wanted, expected, JSON.stringify(match));
    assert.equal(deaths(), found.length);
  }
});

test("the bus's other acts pass", async () => {
  const { platform, faults } = someFaults();
  const door: Bus = faults.bus(sender, new Broker(platform).bus());

  await door.declare({ name: "news", kind: "fanout" });
  await door.declareQueue({ name: "kept", bindings: [{ exchange: "news", key: "" }] });
  await door.publish({ exchange: "news", key: "" }, { body: 1 }, { mandatory: true });
  await assert.rejects(door.publish({ exchange: "", key: "none" }, { body: 1 }, { mandatory: true }));
  await door.close();
});
