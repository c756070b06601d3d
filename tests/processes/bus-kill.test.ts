// kill -9 of `micronova bus serve` at random moments of a load with confirms: what was confirmed is there, in
// its order. BUS_KILLS says how often, BUS_SEED chooses other moments.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Bus, connectAmqp, type Queue } from "@micronova/amqp";
import { seededRandom } from "@micronova/kit";
import { realPlatform } from "../support/running-broker.ts";
import { startBus } from "../support/running-bus.ts";

const kills = Number(process.env["BUS_KILLS"] ?? 5);
const seed = Number(process.env["BUS_SEED"] ?? 20261123);
const dir = mkdtempSync(join(tmpdir(), "bus-kill-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const queue: Queue = { name: "work", durable: true, lengthMax: 10_000_000, bindings: [] };

/** Publishes numbers until told to stop, up to a window unconfirmed; returns what was confirmed. */
async function publishUntil(bus: Bus, isOver: () => boolean): Promise<readonly number[]> {
  const confirmed: number[] = [];
  const waiting = new Set<Promise<void>>();
  for (let body = 0; !isOver(); body++) {
    const one = bus
      .publish({ exchange: "", key: queue.name }, { body, persistent: true })
      .then(() => void confirmed.push(body))
      .finally(() => waiting.delete(one));
    waiting.add(one);
    if (waiting.size >= 200) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  return confirmed;
}

test(`nothing that was confirmed is lost in ${kills} kills`, async () => {
  const random = seededRandom(seed);
  let process = await startBus(dir);
  const { urls } = process;
  const { port } = new URL(urls[0]!);
  const bus = connectAmqp(realPlatform, urls);
  await (await bus.consume(queue, { prefetch: 1 }, () => undefined)).cancel();
  let isOver = false;
  const publishing = publishUntil(bus, () => isOver);
  const got: number[] = [];
  const taker = connectAmqp(realPlatform, urls);
  // Every second message is acknowledged while the killing goes on; the others come again, and again.
  let isLenient = false;
  await taker.consume(queue, { prefetch: 50 }, (delivery) => {
    const body = Number(delivery.message.body);
    if (isLenient || body % 2 === 0) {
      got.push(body);
      delivery.ack();
    } else setTimeout(() => delivery.nack({ requeue: true }), 20);
  });

  for (let round = 0; round < kills; round++) {
    await pause(100 + random.int(500));
    process.kill();
    process = await startBus(dir, ["--port", port]);
  }
  isOver = true;
  const confirmed = await publishing;
  isLenient = true;
  const until = Date.now() + 30_000;
  const missing = () => {
    const seen = new Set(got);
    return confirmed.filter((body) => !seen.has(body));
  };
  while (missing().length > 0 && Date.now() < until) await pause(50);

  assert.deepEqual(missing().slice(0, 10), [], `of ${confirmed.length} confirmed, BUS_SEED=${seed}`);
  assert.ok(confirmed.length > 1_000, `${confirmed.length} messages were confirmed`);
  await Promise.all([bus.close(), taker.close()]);
  assert.equal(await process.stop(), 0);
});
