// A cloud whose broker others use as well: what they were told is kept is there after kill -9, beside the
// cloud's own work.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectAmqp, type Queue } from "@micronova/amqp";
import { bootServer, serverIs, smallImage } from "../support/demo-work.ts";
import { freePort } from "../support/free-port.ts";
import { realPlatform } from "../support/running-broker.ts";
import { eventually, startCloud } from "../support/running-cloud.ts";

test("the broker of a cloud serves others, and keeps what they were told is kept", async () => {
  const port = await freePort();
  const config = `[bus]\nlisten = "127.0.0.1:${port}"\n`;
  const cloud = await startCloud({ virt: "fake", config });
  const bus = connectAmqp(realPlatform, [`amqp://127.0.0.1:${port}`]);
  try {
    const queue: Queue = { name: "orders", durable: true };
    await bus.declareQueue(queue);
    for (const body of [1, 2, 3])
      await bus.publish({ exchange: "", key: queue.name }, { body, persistent: true }, { mandatory: true });
    const client = await cloud.client();
    const imageRef = await smallImage(client);
    const before = await bootServer(client, { name: "before", imageRef });
    await serverIs(client, before, "ACTIVE");

    await cloud.kill();
    await cloud.up();

    const got: unknown[] = [];
    await bus.consume(queue, { prefetch: 10 }, (delivery) => {
      got.push(delivery.message.body);
      delivery.ack();
    });
    await eventually(
      async () => got,
      ({ length }) => length === 3,
    );
    assert.deepEqual(got, [1, 2, 3]);
    const again = await cloud.client();
    const after = await bootServer(again, { name: "after", imageRef });
    await serverIs(again, after, "ACTIVE");
  } finally {
    await bus.close();
    await cloud.destroy();
  }
});
