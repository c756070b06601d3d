// A message that came back is put into its queue again with its count: it is in one place at least at every
// moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, Broker, type Bus, type Delivery, type Message } from "@micronova/amqp";
import { testPlatform } from "@micronova/kit/testing";
import { isNoted, note, redeliveriesOf } from "./redeliveries.ts";

/** A delivery that its consumer gave back once, on a bus whose broker says how its queue is. */
async function aRedelivery() {
  const platform = testPlatform();
  const broker = new Broker(platform);
  const bus = broker.bus();
  const deliveries: Delivery[] = [];
  await bus.consume({ name: "work" }, { prefetch: 1 }, (delivery) => deliveries.push(delivery));
  await bus.publish({ exchange: "", key: "work" }, { body: 1, headers: { own: true } });
  await platform.clock.advance(0);
  deliveries[0]?.nack({ requeue: true });
  await platform.clock.advance(0);
  const [, back] = deliveries;
  assert(back !== undefined);
  const counts = () => {
    const { messages_ready, messages_unacknowledged } = broker.queues()[0]!;
    return [messages_ready, messages_unacknowledged];
  };
  return { platform, bus, back, deliveries, counts };
}

test("its old place is given up when the broker has confirmed the new one", async () => {
  const { platform, bus, back, deliveries, counts } = await aRedelivery();
  const confirmed = Promise.withResolvers<void>();
  const slow: Bus = {
    ...bus,
    publish: async (to: Address, message: Message, options) => {
      await bus.publish(to, message, options);
      await confirmed.promise;
    },
  };

  const noting = note(slow, "work", back);
  await platform.clock.advance(0);
  assert.deepEqual([isNoted(back), counts()], [false, [1, 1]]);
  confirmed.resolve();
  await noting;
  await platform.clock.advance(0);

  const noted = deliveries[2];
  assert(noted !== undefined);
  assert.deepEqual([isNoted(noted), redeliveriesOf(noted), counts()], [true, 1, [0, 1]]);
  assert.equal(noted.message.headers?.["own"], true);
});

test("what cannot be put back stays where it is", async () => {
  const { bus, back, counts } = await aRedelivery();
  const full: Bus = { ...bus, publish: () => Promise.reject(new Error("full")) };

  await assert.rejects(note(full, "work", back), /full/);

  assert.deepEqual(counts(), [0, 1]);
});
