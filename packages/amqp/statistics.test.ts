// What is counted of messages, and how queues, exchanges and bindings are shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import { Broker, bindingStatuses, consumerStatus, type Delivery, exchangeStatus } from "./index.ts";

function aBroker() {
  const platform = testPlatform();
  const broker = new Broker(platform);
  return { broker, bus: broker.bus(), settle: () => platform.clock.advance(0) };
}

/** The counters that are not zero. */
const counted = (stats: object) => Object.fromEntries(Object.entries(stats).filter(([, count]) => count > 0));

test("publishes, deliveries, acknowledgements and returns are counted where they happen", async () => {
  const { broker, bus, settle } = aBroker();
  const held: Delivery[] = [];
  await bus.declare({ name: "x", kind: "fanout" });
  await bus.declareQueue({ name: "idle", bindings: [{ exchange: "x", key: "" }] });
  await bus.consume({ name: "q", bindings: [{ exchange: "x", key: "" }] }, { prefetch: 0 }, (delivery) => {
    held.push(delivery);
  });

  for (const body of [1, 2, 3]) await bus.publish({ exchange: "x", key: "" }, { body });
  await bus.publish({ exchange: "", key: "nowhere" }, { body: 4 });
  await assert.rejects(bus.publish({ exchange: "", key: "nowhere" }, { body: 5 }, { mandatory: true }));
  await settle();
  held[0]?.ack();
  held[1]?.nack({ requeue: true });
  held[2]?.nack({ requeue: false });
  await settle();

  const { host } = broker;
  assert.deepEqual(counted(host.queue("q").stats), { publish: 3, deliver: 4, ack: 1, redeliver: 1 });
  assert.deepEqual(counted(host.queue("idle").stats), { publish: 3 });
  assert.deepEqual(counted(host.exchange("x").stats), { publish_in: 3, publish_out: 6 });
  assert.deepEqual(counted(host.defaultExchange.stats), { publish_in: 2 });
  const total = {
    publish: 5,
    deliver: 4,
    ack: 1,
    redeliver: 1,
    drop_unroutable: 1,
    return_unroutable: 1,
  };
  assert.deepEqual(counted(host.stats.total), total);
  await bus.close();
  assert.deepEqual(counted(host.stats.total), total, "what has closed still counts");
});

test("a queue shows what waits and what is held, in number and in bytes", async () => {
  const { broker, bus, settle } = aBroker();
  const { host } = broker;
  const queue = host.declareQueue(
    { name: "q", durable: true, exclusive: false, autoDelete: false, arguments: { "x-max-length": 9 } },
    broker,
  );
  await bus.consume({ name: "other", exclusive: true }, { prefetch: 1 }, () => {});
  for (const key of ["q", "q", "other", "other"]) await bus.publish({ exchange: "", key }, { body: "text" });
  await settle();
  const taken = queue.get();

  const [other, q] = broker.queues();
  assert.deepEqual(
    [q?.name, q?.durable, q?.arguments, q?.messages, q?.messages_ready, q?.messages_unacknowledged],
    ["q", true, { "x-max-length": 9 }, 2, 1, 1],
  );
  assert.deepEqual([q?.consumers, q?.consumer_capacity], [0, 0]);
  assert.deepEqual(
    [other?.exclusive, other?.messages, other?.consumers, other?.consumer_capacity],
    [true, 2, 1, 0],
  );
  if (taken !== null) queue.settle(taken, "return");
  assert.deepEqual([queue.readyCount, queue.unacknowledgedCount, queue.unacknowledgedBytes], [2, 0, 0]);
});

test("every queue is shown bound to the default exchange, and consumers with their place", async () => {
  const { broker, bus } = aBroker();
  await bus.declare({ name: "x", kind: "topic" });
  await bus.consume({ name: "q", bindings: [{ exchange: "x", key: "a.*" }] }, { prefetch: 3 }, () => {});
  const { host } = broker;

  const bindings = bindingStatuses(host).map(({ source, destination, routing_key }) => [
    source,
    destination,
    routing_key,
  ]);
  const [consumer] = host.queue("q").consumers.map((one) => consumerStatus(host.name, one));

  assert.deepEqual(bindings, [
    ["", "q", "q"],
    ["x", "q", "a.*"],
  ]);
  assert.deepEqual(
    [consumer?.queue, consumer?.ack_required, consumer?.prefetch_count, consumer?.channel],
    ["q", true, 3, null],
  );
  assert.equal(exchangeStatus("/", host.exchange("x")).type, "topic");
  assert.deepEqual(broker.churn.queue_created, 1);
});
