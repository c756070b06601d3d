// The broker through its in-process door: routing, turns, acknowledgement, limits, lifetimes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { amqpErrors, Broker, type Delivery, type Queue } from "./index.ts";
import { TrafficStats } from "./statistics.ts";

const work: Queue = { name: "work", durable: true, bindings: [] };
const toWork = { exchange: "", key: "work" };
const manual = { prefetch: 0 };

function aBroker() {
  const platform = testPlatform();
  const broker = new Broker(platform, { freeze: true });
  const bus = broker.bus();
  return { platform, broker, bus, settle: () => platform.clock.advance(0) };
}

function statusOf(broker: Broker, name: string) {
  const status = broker.queues().find((queue) => queue.name === name);
  if (status === undefined) return null;
  return [status.messages_ready, status.messages_unacknowledged, status.consumers];
}

test("a message is delivered after the publisher's turn, in order, to its queue alone", async () => {
  const { bus, settle } = aBroker();
  const got: unknown[] = [];
  await bus.declare({ name: "x", kind: "direct" });
  const consume = (name: string) =>
    bus.consume({ name, bindings: [{ exchange: "x", key: name }] }, manual, (delivery) => {
      got.push([name, delivery.message.body, delivery.key, delivery.redelivered]);
      delivery.ack();
    });
  await consume("one");
  await consume("two");

  await Promise.all([1, 2].map((body) => bus.publish({ exchange: "x", key: "one" }, { body })));
  const published = bus.publish({ exchange: "x", key: "two" }, { body: 3 });
  const before = got.length;

  await published;
  await settle();
  assert(before < 3);
  assert.deepEqual(got, [
    ["one", 1, "one", false],
    ["one", 2, "one", false],
    ["two", 3, "two", false],
  ]);
});

test("publishing never runs a consumer on the publisher's stack", async () => {
  const { bus, settle } = aBroker();
  const story: string[] = [];
  await bus.consume(work, manual, (delivery) => {
    story.push("begin");
    if (delivery.message.body === 1) void bus.publish(toWork, { body: 2 });
    story.push("end");
    delivery.ack();
  });

  void bus.publish(toWork, { body: 1 });
  story.push("published");
  await settle();

  assert.deepEqual(story, ["published", "begin", "end", "begin", "end"]);
});

test("consumers take turns, each up to its prefetch", async () => {
  const { broker, bus, settle } = aBroker();
  const held: Delivery[][] = [[], []];
  for (const mine of held) await bus.consume(work, { prefetch: 2 }, (delivery) => mine.push(delivery));

  for (const body of [1, 2, 3, 4, 5, 6]) await bus.publish(toWork, { body });
  await settle();

  const bodies = () => held.map((mine) => mine.map((delivery) => delivery.message.body));
  assert.deepEqual(bodies(), [
    [1, 3],
    [2, 4],
  ]);
  assert.deepEqual(statusOf(broker, "work"), [2, 4, 2]);
  held[1]![0]!.ack();
  held[1]![0]!.ack();
  await settle();
  assert.deepEqual(bodies()[1], [2, 4, 5]);
});

test("a message that is not routed is dropped, or refused when mandatory", async () => {
  const { bus } = aBroker();
  await bus.publish({ exchange: "", key: "nowhere" }, { body: 1 });

  await assert.rejects(
    bus.publish({ exchange: "", key: "nowhere" }, { body: 1 }, { mandatory: true }),
    (error) => isFault(error, amqpErrors.unroutable),
  );
  await assert.rejects(bus.publish({ exchange: "none", key: "" }, { body: 1 }), (error) =>
    isFault(error, amqpErrors.exchangeNotFound),
  );
});

test("what a closed bus had not acknowledged comes again, marked, in its old order", async () => {
  const { broker, bus, settle } = aBroker();
  const lost = broker.bus();
  const held: Delivery[] = [];
  await lost.consume(work, { prefetch: 3 }, (delivery) => held.push(delivery));
  for (const body of [1, 2, 3, 4, 5]) await bus.publish(toWork, { body });
  await settle();
  held[1]!.ack();

  await lost.close();
  held[0]!.ack();
  assert.deepEqual(statusOf(broker, "work"), [4, 0, 0]);
  const got: unknown[] = [];
  await bus.consume(work, manual, ({ message, redelivered }) => got.push([message.body, redelivered]));
  await settle();

  assert.deepEqual(got, [
    [1, true],
    [3, true],
    [4, false],
    [5, false],
  ]);
});

test("a cancelled consumer keeps what it holds until its bus closes", async () => {
  const { broker, bus, settle } = aBroker();
  const consumer = await bus.consume(work, { prefetch: 1 }, () => undefined);
  await bus.publish(toWork, { body: 1 });
  await bus.publish(toWork, { body: 2 });
  await settle();

  await consumer.cancel();
  assert.deepEqual(statusOf(broker, "work"), [1, 1, 0]);
  await bus.close();

  assert.deepEqual(statusOf(broker, "work"), [2, 0, 0]);
  await assert.rejects(bus.publish(toWork, { body: 3 }), (error) => isFault(error, amqpErrors.closed));
});

test("a handler that throws loses its message, and the next is delivered", async () => {
  const { broker, bus, settle } = aBroker();
  const got: unknown[] = [];
  await bus.consume(work, manual, (delivery) => {
    got.push(delivery.message.body);
    if (delivery.message.body === "poison") throw new Error("cannot read this");
    delivery.ack();
  });

  await bus.publish(toWork, { body: "poison" });
  await bus.publish(toWork, { body: "good" });
  await settle();

  assert.deepEqual(got, ["poison", "good"]);
  assert.deepEqual(statusOf(broker, "work"), [0, 0, 1]);
});

test("a message leaves the queue when its time is over", async () => {
  const { platform, broker, bus, settle } = aBroker();
  const consumer = await bus.consume(work, manual, () => undefined);
  await consumer.cancel();
  await bus.publish(toWork, { body: "short", expirationMs: 100 });
  await bus.publish(toWork, { body: "long", expirationMs: 10_000 });

  await platform.clock.advance(99);
  assert.deepEqual(statusOf(broker, "work"), [2, 0, 0]);
  await platform.clock.advance(1);
  assert.deepEqual(statusOf(broker, "work"), [1, 0, 0]);
  const got: unknown[] = [];
  await bus.consume(work, manual, ({ message }) => got.push(message.body));
  await settle();
  assert.deepEqual(got, ["long"]);
});

test("a full queue refuses its publisher, or drops its oldest", async () => {
  const { broker, bus } = aBroker();
  const other = broker.bus();
  const strict: Queue = { name: "strict", lengthMax: 2, bindings: [] };
  const lossy: Queue = { name: "lossy", lengthMax: 2, overflow: "drop-oldest", bindings: [] };
  for (const queue of [strict, lossy]) await (await other.consume(queue, manual, () => undefined)).cancel();
  for (const body of [1, 2]) await bus.publish({ exchange: "", key: "strict" }, { body });
  for (const body of [1, 2, 3]) await bus.publish({ exchange: "", key: "lossy" }, { body });

  await assert.rejects(bus.publish({ exchange: "", key: "strict" }, { body: 3 }), (error) =>
    isFault(error, amqpErrors.queueFull),
  );
  const got: unknown[] = [];
  await bus.consume(lossy, manual, ({ message }) => got.push(message.body));
  await null;
  await null;
  assert.deepEqual(got, [2, 3]);
  assert.deepEqual(statusOf(broker, "strict"), [2, 0, 0]);
});

test("an exclusive queue is its declarer's alone, and goes with it", async () => {
  const { broker, bus } = aBroker();
  const mine: Queue = { name: "mine", exclusive: true, bindings: [] };
  await bus.consume(mine, manual, () => undefined);

  await assert.rejects(
    broker.bus().consume(mine, manual, () => undefined),
    (error) => isFault(error, amqpErrors.queueLocked),
  );
  await bus.close();
  assert.equal(statusOf(broker, "mine"), null);
});

test("an auto-deleted queue goes with its last consumer, an auto-deleted exchange with its last binding", async () => {
  const { broker, bus } = aBroker();
  await bus.declare({ name: "x", kind: "fanout", autoDelete: true });
  const brief: Queue = { name: "brief", autoDelete: true, bindings: [{ exchange: "x", key: "" }] };
  const consumers = [
    await bus.consume(brief, manual, () => undefined),
    await bus.consume(brief, manual, () => undefined),
  ];

  await consumers[0]!.cancel();
  assert.deepEqual(statusOf(broker, "brief"), [0, 0, 1]);
  await consumers[1]!.cancel();

  assert.equal(statusOf(broker, "brief"), null);
  assert.deepEqual(broker.exchanges(), []);
});

test("a queue that expires goes when unused for so long", async () => {
  const { platform, broker, bus } = aBroker();
  const queue: Queue = { name: "passing", expiresMs: 5_000, bindings: [] };
  const consumer = await bus.consume(queue, manual, () => undefined);
  await platform.clock.advance(60_000);
  assert.deepEqual(statusOf(broker, "passing"), [0, 0, 1]);

  await consumer.cancel();
  await platform.clock.advance(4_000);
  assert.deepEqual(statusOf(broker, "passing"), [0, 0, 0]);
  await platform.clock.advance(2_000);

  assert.equal(statusOf(broker, "passing"), null);
});

test("declaring again with other properties is refused", async () => {
  const { bus } = aBroker();
  await bus.declare({ name: "x", kind: "topic" });
  await bus.declare({ name: "x", kind: "topic", durable: false });
  await bus.consume(work, manual, () => undefined);

  await assert.rejects(bus.declare({ name: "x", kind: "fanout" }), (error) =>
    isFault(error, amqpErrors.exchangeDiffers),
  );
  await assert.rejects(
    bus.consume({ ...work, durable: false }, manual, () => undefined),
    (error) => isFault(error, amqpErrors.queueDiffers),
  );
});

test("purging drops what waits and says how much that was", async () => {
  const { broker, bus, settle } = aBroker();
  await bus.consume(work, { prefetch: 1 }, () => undefined);
  for (const body of [1, 2, 3]) await bus.publish(toWork, { body });
  await settle();

  assert.equal(broker.purge("work"), 2);
  assert.deepEqual(statusOf(broker, "work"), [0, 1, 1]);
});

test("in tests a message is frozen, and refused when it is not plain JSON", async () => {
  const { bus } = aBroker();
  const body = { list: [{ a: 1 }] };
  await bus.publish({ exchange: "", key: "nowhere" }, { body });

  assert(Object.isFrozen(body.list[0]));
  // The type forbids it; a cast elsewhere may have let it by.
  const wrong = { at: new Date(0) } as never;
  await assert.rejects(bus.publish({ exchange: "", key: "nowhere" }, { body: wrong }), /plain object/);
});

test("who is deleted, or whose virtual host is, loses the connections", () => {
  const { broker } = aBroker();
  const other = broker.addHost("other");
  const worker = broker.access.putUser({ name: "worker", password: "x" });
  const guest = broker.access.user("guest");
  const closed: unknown[] = [];
  const connect = (user: typeof worker, host: typeof other) =>
    broker.connections.add({
      user,
      host,
      name: "",
      peer: { peer_host: "", peer_port: 0 },
      traffic: new TrafficStats(),
      channels: [],
      status: () => assert.fail("nobody asks how it is"),
      alarmBegan: () => undefined,
      alarmEnded: () => undefined,
      close: (reason) => closed.push([user.name, host.name, reason.code, reason.message]),
    });
  connect(worker, broker.host);
  connect(guest, broker.host);
  connect(guest, other);

  broker.access.deleteUser("worker");
  broker.deleteHost("other");

  assert.deepEqual(closed, [
    ["worker", "/", 320, "CONNECTION_FORCED - user 'worker' is deleted"],
    ["guest", "other", 320, "CONNECTION_FORCED - vhost 'other' is deleted"],
  ]);
  assert.throws(() => broker.deleteHost("other"), { message: "There is no virtual host 'other'." });
  assert.throws(() => broker.deleteHost("/"), /cannot be deleted/);
});
