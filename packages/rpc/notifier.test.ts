// Notifications: what is lost is counted, what nobody fetches goes by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker } from "@micronova/amqp";
import { systemContext } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { busNotifier, type Notification } from "./index.ts";

const notification: Notification = {
  priority: "info",
  eventType: "compute.instance.create.end",
  publisherId: "compute.h1",
  payload: {},
  context: systemContext("1"),
};

test("a notification that nobody fetches is gone after an hour", async () => {
  const platform = testPlatform();
  const broker = new Broker(platform, { freeze: true });
  const waiting = () => broker.queues().map(({ name, messages_ready }) => [name, messages_ready]);

  busNotifier({ platform, bus: broker.bus() }).notify(notification);
  await platform.clock.advance(60 * 60_000 - 1);
  assert.deepEqual(waiting(), [["notifications.info", 1]]);
  await platform.clock.advance(1);

  assert.deepEqual(waiting(), [["notifications.info", 0]]);
});

test("notifications that the bus does not take are counted, and nobody waits for them", async () => {
  const platform = testPlatform();
  const bus = new Broker(platform).bus();
  const notifier = busNotifier({ platform, bus });
  await bus.close();

  for (let time = 0; time < 3; time++) notifier.notify(notification);
  await platform.clock.advance(1);

  assert.match(await platform.metrics.text(), /micronova_rpc_lost_notifications_total\{priority="info"\} 3/);
});
