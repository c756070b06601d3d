// Quorum queues, against both brokers: they count how often a message has come back, say so with each
// delivery, and let go of what comes back too often.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type FieldValue, type Heard, type PropertyFields, RawClient, Typed } from "@micronova/amqp/testing";
import { type RunningBroker, startBroker } from "../support/running-broker.ts";
import { eventually } from "../support/running-cloud.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

let ours: RunningBroker;
let rabbit: RunningRabbit;
before(async () => {
  ours = await startBroker();
  if (rabbitMissing === false) rabbit = await startRabbit();
});
after(async () => {
  await ours.stop();
  if (rabbitMissing === false) await rabbit.stop();
});

const doors = [
  { name: "this broker", skip: false, port: () => ours.port },
  { name: "RabbitMQ", skip: rabbitMissing, port: () => rabbit.port },
] as const;

/** Declares a quorum queue, dead letters of which go to `<name>-dead`. */
async function declare(client: RawClient, name: string, args: Readonly<Record<string, FieldValue>> = {}) {
  const shape = { passive: false, durable: true, exclusive: false, autoDelete: false, noWait: false };
  const letters = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": `${name}-dead` };
  const quorum = { ...args, ...letters, "x-queue-type": "quorum" };
  await client.call(
    1,
    "queue.declare",
    { queue: `${name}-dead`, ...shape, arguments: {} },
    "queue.declare-ok",
  );
  await client.call(1, "queue.declare", { queue: name, ...shape, arguments: quorum }, "queue.declare-ok");
}

/** Publishes, and waits until the queue has it. */
async function publish(client: RawClient, queue: string, properties: PropertyFields = {}): Promise<void> {
  client.publish(1, { exchange: "", key: queue }, "m", properties);
  await client.next(({ name }) => name === "basic.ack");
}

async function get(client: RawClient, queue: string): Promise<Heard> {
  client.send(1, "basic.get", { queue, noAck: false });
  return client.next(({ name }) => name.startsWith("basic.get-"));
}

/** Gets it, says whether it is there with what count, and gives it back. */
async function bounce(client: RawClient, queue: string): Promise<readonly unknown[] | null> {
  const heard = await get(client, queue);
  if (heard.name !== "basic.get-ok") return null;
  const { deliveryTag, redelivered } = heard.args;
  client.send(1, "basic.nack", { deliveryTag, multiple: false, requeue: true });
  return [counted(heard), redelivered];
}

const counted = ({ properties }: Heard) => plain(properties.headers?.["x-delivery-count"]);
const plain = (value: unknown) => (value instanceof Typed ? `${value.kind} ${String(value.value)}` : value);

for (const { name, skip, port } of doors) {
  const open = async () => {
    const client = await RawClient.open({ port: port() });
    await client.channel(1);
    await client.call(1, "confirm.select", { noWait: false }, "confirm.select-ok");
    return client;
  };

  test(`what comes back is counted, whatever its publisher says of that: ${name}`, { skip }, async () => {
    const client = await open();
    await declare(client, "counts");
    await publish(client, "counts", { headers: { own: 1, "x-delivery-count": 7 } });

    assert.deepEqual(await bounce(client, "counts"), ["l 0", false]);
    assert.deepEqual(await bounce(client, "counts"), ["l 1", true]);
    await client.channel(2);
    const consume = { queue: "counts", consumerTag: "c", noLocal: false, noAck: false, exclusive: false };
    await client.call(2, "basic.consume", { ...consume, noWait: false, arguments: {} }, "basic.consume-ok");
    const delivery = await client.next((heard) => heard.name === "basic.deliver");
    assert.equal(counted(delivery), "l 2");
    assert.equal(plain(delivery.properties.headers?.["own"]), 1);

    const reason = { replyCode: 200, replyText: "", classId: 0, methodId: 0 };
    await client.call(2, "channel.close", reason, "channel.close-ok");
    // It comes back when the broker has dealt with the end of its channel.
    await eventually(
      () => bounce(client, "counts"),
      (back) => back !== null && back[0] === "l 3",
    );
    await client.cut();
  });

  test(`what comes back more often than x-delivery-limit is a dead letter: ${name}`, { skip }, async () => {
    const client = await open();
    await declare(client, "limited", { "x-delivery-limit": 1 });
    await publish(client, "limited");

    assert.deepEqual(await bounce(client, "limited"), ["l 0", false]);
    assert.deepEqual(await bounce(client, "limited"), ["l 1", true]);
    assert.equal(await bounce(client, "limited"), null);
    const letter = await eventually(
      () => get(client, "limited-dead"),
      (heard) => heard.name === "basic.get-ok",
    );
    const { "x-death": deaths, ...others } = letter.properties.headers ?? {};
    const { count, time: _, ...death } = (deaths as readonly Readonly<Record<string, unknown>>[])[0]!;
    assert.equal(plain(count), "l 1");
    assert.deepEqual(death, {
      reason: "delivery_limit",
      queue: "limited",
      exchange: "",
      "routing-keys": ["limited"],
    });
    assert.deepEqual(others, {
      "x-first-death-exchange": "",
      "x-first-death-queue": "limited",
      "x-first-death-reason": "delivery_limit",
    });
    await client.cut();
  });

  test(`a limit below none lets nothing come back, and one that is no number all: ${name}`, {
    skip,
  }, async () => {
    const client = await open();
    for (const limit of [0, -1]) {
      await declare(client, `limit${limit}`, { "x-delivery-limit": limit });
      await publish(client, `limit${limit}`);
      assert.deepEqual(await bounce(client, `limit${limit}`), ["l 0", false]);
      assert.equal(await bounce(client, `limit${limit}`), null);
    }
    await declare(client, "unlimited", { "x-delivery-limit": "soon" });
    await publish(client, "unlimited");
    for (let count = 0; count < 3; count++)
      assert.deepEqual(await bounce(client, "unlimited"), [`l ${count}`, count > 0]);
    const differing = declare(client, "unlimited", { "x-delivery-limit": 3 });
    await assert.rejects(
      differing,
      /inequivalent arg 'x-delivery-limit'.* received '3' but current is 'soon'/,
    );
    await client.cut();
  });
}
