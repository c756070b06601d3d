// One suite for every Bus: in process, our broker by a socket, and RabbitMQ.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  amqpErrors,
  Broker,
  connectAmqp,
  type Delivery,
  type Json,
  type Queue,
  serveAmqp,
} from "@micronova/amqp";
import { isFault, systemContext } from "@micronova/kit";
import { busRpc, contract, method, topic } from "@micronova/rpc";
import { realPlatform, startBroker } from "../support/running-broker.ts";
import { eventually, fresh, threeBuses } from "../support/three-buses.ts";

const buses = threeBuses();
before(() => buses.start());
after(() => buses.stop());

const passing = (name: string): Queue => ({ name, exclusive: true, bindings: [] });

for (const { name: door, skip, connect: connectTo } of buses.doors) {
  test(`${door}: messages arrive whole and in order`, { skip }, async () => {
    const bus = connectTo();
    const exchange = fresh("x");
    await bus.declare({ name: exchange, kind: "topic", autoDelete: true });
    const got: Delivery[] = [];
    const queue = { ...passing(fresh("q")), bindings: [{ exchange, key: "a.#" }] };
    await bus.consume(queue, { prefetch: 10 }, (delivery) => {
      got.push(delivery);
      delivery.ack();
    });

    const sent = Array.from({ length: 50 }, (_, at) => ({ at, text: "ä€", deep: [{ n: null }] }));
    await Promise.all(
      sent.map((body) =>
        bus.publish(
          { exchange, key: "a.b" },
          { body, headers: { h: 1 }, correlationId: "c", replyTo: "r", persistent: true, priority: 2 },
        ),
      ),
    );
    await eventually(() => got.length === 50);

    assert.deepEqual(
      got.map((delivery) => delivery.message.body),
      sent,
    );
    const [{ message, key, redelivered } = assert.fail()] = got;
    assert.deepEqual(
      [key, redelivered, message.headers, message.correlationId, message.replyTo, message.priority],
      ["a.b", false, { h: 1 }, "c", "r", 2],
    );
  });

  test(`${door}: a mandatory message without a queue is refused`, { skip }, async () => {
    const bus = connectTo();
    const lost = bus.publish({ exchange: "", key: fresh("none") }, { body: 1 }, { mandatory: true });
    await assert.rejects(lost, (error) => isFault(error, amqpErrors.unroutable));
    await bus.publish({ exchange: "", key: fresh("none") }, { body: 1 });
  });

  test(`${door}: what cannot be written harms nobody but its publisher`, { skip }, async () => {
    const bus = connectTo();
    let deep: Json = null;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    const queue = passing(fresh("q"));
    let got = 0;
    await bus.consume(queue, { prefetch: 0 }, ({ message: { body } }) => {
      if (body === 1) got++;
    });
    const to = { exchange: "", key: queue.name };

    await Promise.allSettled([bus.publish(to, { body: deep }), bus.publish(to, { body: 1 })]);

    await eventually(() => got === 1);
  });

  test(`${door}: an exchange that is not there is named, and others' messages pass`, { skip }, async () => {
    const bus = connectTo();
    const queue = passing(fresh("q"));
    const got: unknown[] = [];
    await bus.consume(queue, { prefetch: 0 }, (delivery) => got.push(delivery.message.body));
    const outcomes = await Promise.allSettled([
      bus.publish({ exchange: "", key: queue.name }, { body: 1 }),
      bus.publish({ exchange: fresh("none"), key: "" }, { body: 2 }),
      bus.publish({ exchange: "", key: queue.name }, { body: 3 }),
    ]);

    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.ok(outcomes[1].status === "rejected" && isFault(outcomes[1].reason, amqpErrors.exchangeNotFound));
    await eventually(() => got.includes(1) && got.includes(3));
  });

  test(`${door}: prefetch bounds what is held, and nack returns or drops`, { skip }, async () => {
    const bus = connectTo();
    const queue = passing(fresh("q"));
    const got: Delivery[] = [];
    await bus.consume(queue, { prefetch: 2 }, (delivery) => got.push(delivery));
    for (const body of [1, 2, 3]) await bus.publish({ exchange: "", key: queue.name }, { body });
    await eventually(() => got.length === 2);

    got[0]!.nack({ requeue: true });
    await eventually(() => got.length === 3);
    assert.deepEqual([got[2]!.message.body, got[2]!.redelivered], [1, true]);
    got[1]!.nack({ requeue: false });
    got[2]!.ack();
    await eventually(() => got.length === 4);
    assert.equal(got[3]!.message.body, 3);
  });

  test(`${door}: declaring differently is refused, by name`, { skip }, async () => {
    const bus = connectTo();
    const name = fresh("x");
    await bus.declare({ name, kind: "topic", autoDelete: true });
    const again = bus.declare({ name, kind: "fanout", autoDelete: true });
    await assert.rejects(again, (error) => isFault(error, amqpErrors.exchangeDiffers));
    await bus.declare({ name, kind: "topic", autoDelete: true });
    const mine = passing(fresh("q"));
    await bus.consume(mine, { prefetch: 0 }, () => undefined);
    await assert.rejects(
      connectTo().consume(mine, { prefetch: 0 }, () => undefined),
      (error) => isFault(error, amqpErrors.queueLocked),
    );
  });

  test(`${door}: a declared queue keeps what comes before its consumer`, { skip }, async () => {
    const [sender, receiver] = [connectTo(), connectTo()];
    const exchange = fresh("x");
    await sender.declare({ name: exchange, kind: "direct", autoDelete: true });
    const queue: Queue = { name: fresh("q"), autoDelete: true, bindings: [{ exchange, key: "k" }] };
    await sender.declareQueue(queue);
    await sender.publish({ exchange, key: "k" }, { body: 1 }, { mandatory: true });

    const got: unknown[] = [];
    await receiver.consume(queue, { prefetch: 1 }, (delivery) => {
      got.push(delivery.message.body);
      delivery.ack();
    });
    await sender.publish({ exchange: "", key: queue.name }, { body: 2 });
    await eventually(() => got.length === 2);

    assert.deepEqual(got, [1, 2]);
    const differs = receiver.declareQueue({ ...queue, durable: true });
    await assert.rejects(differs, (error) => isFault(error, amqpErrors.queueDiffers));
  });

  test(`${door}: the broker names queues that have no name, each its own`, { skip }, async () => {
    const bus = connectTo();
    const got: unknown[] = [];
    const unnamed: Queue = { name: "", exclusive: true };
    const consumers = await Promise.all(
      ["one", "two"].map((who) =>
        bus.consume(unnamed, { prefetch: 0 }, (delivery) => {
          got.push([who, delivery.message.body]);
          delivery.ack();
        }),
      ),
    );
    assert.match(consumers[0]!.queue, /^amq\.gen-/);
    await bus.publish({ exchange: "", key: consumers[1]!.queue }, { body: 1 }, { mandatory: true });
    await bus.publish({ exchange: "", key: consumers[0]!.queue }, { body: 2 }, { mandatory: true });
    await eventually(() => got.length === 2);

    assert.deepEqual(got.sort(), [
      ["one", 2],
      ["two", 1],
    ]);
    await assert.rejects(bus.declareQueue(unnamed), (error) => isFault(error, amqpErrors.queueUnnamed));
  });

  test(`${door}: calls are answered, faults cross, news reach everybody`, { skip }, async () => {
    const name = fresh("role");
    const worker = contract(name, {
      add: method<{ readonly a: number; readonly b: number }, number>({ timeoutMs: 5_000 }),
    });
    const news = topic<{ readonly what: string }>(fresh("news"));
    const [here, there] = [connectTo(), connectTo()].map((bus) => busRpc({ platform: realPlatform, bus }));
    const server = there!.serve(worker, "h1", { add: async ({ a, b }) => a + b });
    await server.start();
    const heard: string[] = [];
    for (const rpc of [here!, there!]) await rpc.listen(news, ({ what }) => heard.push(what)).start();

    const context = systemContext("11111111-1111-4111-8111-111111111111");
    const sums = await Promise.all(
      [1, 2, 3].map((a) => here!.on(worker, "h1", { context }).add({ a, b: 1 })),
    );
    await here!.announce(news, { what: "up" });

    assert.deepEqual(sums, [2, 3, 4]);
    await eventually(() => heard.length === 2);
    await server.stop();
    for (const rpc of [here!, there!]) await rpc.close();
  });
}

test("a bus outlives its broker: consumers come back, and unconfirmed messages are sent again", async () => {
  const first = await startBroker();
  const bus = connectAmqp(realPlatform, ["amqp://127.0.0.1:1", first.url]);
  const got: unknown[] = [];
  await bus.declare({ name: "x", kind: "direct" });
  const queue: Queue = { name: "back", durable: true, bindings: [{ exchange: "x", key: "k" }] };
  await bus.consume(queue, { prefetch: 5 }, (delivery) => {
    got.push(delivery.message.body);
    delivery.ack();
  });
  await bus.publish({ exchange: "x", key: "k" }, { body: "before" });
  await bus.declareQueue({ name: "declared" });
  const unnamed = await bus.consume({ name: "" }, { prefetch: 0 }, () => undefined);
  const names = [unnamed.queue];
  await first.stop();
  const published = bus.publish({ exchange: "x", key: "k" }, { body: "meanwhile" });

  const next = new Broker(realPlatform);
  const second = serveAmqp(next, { host: "127.0.0.1", port: first.port });
  await second.start();
  await published;
  await bus.publish({ exchange: "x", key: "k" }, { body: "after" });
  await eventually(() => got.length === 3);

  assert.deepEqual(got, ["before", "meanwhile", "after"]);
  names.push(unnamed.queue);
  assert.notEqual(names[0], names[1]);
  assert.deepEqual(
    next
      .queues()
      .map(({ name }) => name)
      .sort(),
    [names[1], "back", "declared"].sort(),
  );
  await bus.close();
  await second.stop();
  next.close();
});
