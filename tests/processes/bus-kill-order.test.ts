// kill -9 of `micronova bus serve` under several publishers and consumers: what was confirmed comes, in the
// order of its channel, into every queue that it was for; what was acknowledged never comes again. BUS_KILLS
// says how often, BUS_SEED chooses other moments.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Heard, RawClient } from "@micronova/amqp/testing";
import { type Random, seededRandom } from "@micronova/kit";
import { type BusProcess, startBus } from "../support/running-bus.ts";

const kills = Number(process.env["BUS_KILLS"] ?? 5);
const seed = Number(process.env["BUS_SEED"] ?? 20261125);
const queues = ["q0", "q1", "q2", "q3"];
/** Queues that an exchange leads to: each message is for both. */
const fanout = ["q2", "q3"];
const publishers = 3;
const windowMax = 100;

const dir = mkdtempSync(join(tmpdir(), "bus-order-"));
let bus: BusProcess | null = null;
after(() => {
  bus?.kill();
  rmSync(dir, { recursive: true, force: true });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is known of one queue, over all lives of the broker. */
class Expectation {
  /** By channel, the numbers that must come. */
  readonly confirmed = new Set<string>();
  readonly seen = new Set<string>();
  /** Acknowledged, and the broker has answered something later since. */
  readonly done = new Set<string>();

  get missing(): readonly string[] {
    return [...this.confirmed].filter((one) => !this.seen.has(one));
  }
}

const expectations = new Map(queues.map((queue) => [queue, new Expectation()]));
const problems: string[] = [];

/** Publishes on a channel, up to a window unconfirmed, until the line is cut. */
class Publisher {
  readonly #name: string;
  readonly #random: Random;
  #number = 0;
  confirmedCount = 0;

  constructor(name: string, random: Random) {
    this.#name = name;
    this.#random = random;
  }

  async publish(client: RawClient, channel: number): Promise<void> {
    await client.channel(channel);
    await client.call(channel, "confirm.select", { noWait: false }, "confirm.select-ok");
    const waiting: { readonly body: string; readonly to: readonly string[] }[] = [];
    let first = 1;
    for (;;) {
      while (waiting.length < windowMax) {
        const body = `${this.#name} ${++this.#number}`;
        const isForAll = this.#random.int(3) === 0;
        const key = queues[this.#random.int(2)]!;
        const to = isForAll ? { exchange: "all", key: "" } : { exchange: "", key };
        const padding = " ".repeat(this.#random.int(8) === 0 ? 20_000 : this.#random.int(200));
        client.publish(channel, to, body + padding, { deliveryMode: 2 });
        waiting.push({ body, to: isForAll ? fanout : [key] });
      }
      const confirm = await client.next((heard) => heard.channel === channel && heard.name === "basic.ack");
      assert.ok(confirm.name === "basic.ack");
      const count = confirm.args.deliveryTag - first + 1;
      first += count;
      for (const { body, to } of waiting.splice(0, count)) {
        this.confirmedCount++;
        for (const queue of to) expectations.get(queue)?.confirmed.add(body);
      }
    }
  }
}

const qos = { prefetchSize: 0, prefetchCount: 200, global: false };

/** Consumes a queue until the line is cut: some messages are kept for a while and settled out of turn. */
async function take(client: RawClient, channel: number, queue: string, random: Random): Promise<void> {
  const expectation = expectations.get(queue)!;
  await client.channel(channel);
  await client.call(
    channel,
    "basic.qos",
    { prefetchSize: 0, prefetchCount: 200, global: false },
    "basic.qos-ok",
  );
  const consume = { queue, consumerTag: "", noLocal: false, noAck: false, exclusive: false, noWait: false };
  client.send(channel, "basic.consume", { ...consume, arguments: {} });
  const lastOf = new Map<string, number>();
  const kept: Heard[] = [];
  let acknowledged: string[] = [];
  /** What was acknowledged before each question that is not yet answered. */
  const asked: (readonly string[])[] = [];
  const ack = (heard: Heard) => {
    assert.ok(heard.name === "basic.deliver");
    client.send(channel, "basic.ack", { deliveryTag: heard.args.deliveryTag, multiple: false });
    acknowledged.push(heard.body.toString().trimEnd());
  };
  for (;;) {
    const heard = await client.next((one) => one.channel === channel);
    if (heard.name === "basic.qos-ok") for (const body of asked.shift() ?? []) expectation.done.add(body);
    if (heard.name !== "basic.deliver") continue;
    const body = heard.body.toString().trimEnd();
    const [name, number] = body.split(" ") as [string, string];
    if (Number(number) <= (lastOf.get(name) ?? 0))
      problems.push(`${queue}: ${body} behind ${lastOf.get(name)}`);
    lastOf.set(name, Number(number));
    if (expectation.done.has(body)) problems.push(`${queue}: ${body} was acknowledged`);
    expectation.seen.add(body);
    if (random.int(4) === 0 && kept.length < 100) kept.push(heard);
    else ack(heard);
    if (kept.length > 50 && random.int(10) === 0) ack(kept.splice(random.int(kept.length), 1)[0]!);
    // What the broker answers after an acknowledgement was heard after it.
    if (acknowledged.length < 20) continue;
    client.send(channel, "basic.qos", qos);
    asked.push(acknowledged);
    acknowledged = [];
  }
}

async function declare(port: number): Promise<void> {
  const client = await RawClient.open({ port });
  await client.channel(1);
  const durable = { passive: false, durable: true, autoDelete: false, noWait: false, arguments: {} };
  const exchange = { ...durable, exchange: "all", type: "fanout", internal: false };
  await client.call(1, "exchange.declare", exchange, "exchange.declare-ok");
  for (const queue of queues)
    await client.call(1, "queue.declare", { ...durable, queue, exclusive: false }, "queue.declare-ok");
  for (const queue of fanout)
    await client.call(
      1,
      "queue.bind",
      { queue, exchange: "all", routingKey: "", noWait: false, arguments: {} },
      "queue.bind-ok",
    );
  await client.cut();
}

/** Runs until its line is cut, which is how every part of the load ends. */
async function untilCut(work: Promise<void>): Promise<void> {
  await assert.rejects(work, /the broker closed the connection/);
}

test(`in ${kills} kills nothing confirmed is lost or out of order, and nothing acknowledged comes back`, async () => {
  const random = seededRandom(seed);
  const load = Array.from({ length: publishers }, (_, at) => new Publisher(`p${at}`, random));
  bus = await startBus(dir);
  for (let round = 0; round <= kills; round++) {
    const port = Number(new URL(bus.urls[0]!).port);
    await declare(port);
    const [publishing, taking] = await Promise.all([RawClient.open({ port }), RawClient.open({ port })]);
    const isLast = round === kills;
    const works = [
      // Publishers share a connection, each on a channel.
      ...(isLast ? [] : load.map((publisher, at) => publisher.publish(publishing, at + 1))),
      ...queues.map((queue, at) => take(taking, at + 1, queue, random)),
    ].map(untilCut);
    if (!isLast) {
      await pause(100 + random.int(500));
      bus.child.kill("SIGKILL");
      await once(bus.child, "exit");
    } else {
      const isComplete = () => [...expectations.values()].every(({ missing }) => missing.length === 0);
      for (const until = Date.now() + 30_000; !isComplete() && Date.now() < until; ) await pause(50);
      await Promise.all([publishing.cut(), taking.cut()]);
    }
    await Promise.all(works);
    if (!isLast) bus = await startBus(dir);
  }

  for (const [queue, { missing, confirmed, done }] of expectations) {
    assert.deepEqual(missing.slice(0, 5), [], `${queue} of ${confirmed.size} confirmed, BUS_SEED=${seed}`);
    assert.ok(done.size > 100, `${done.size} were acknowledged in ${queue}`);
  }
  assert.deepEqual(problems.slice(0, 5), [], `BUS_SEED=${seed}`);
  const count = load.reduce((sum, { confirmedCount }) => sum + confirmedCount, 0);
  assert.ok(count > kills * 100, `${count} messages were confirmed`);
  assert.equal(await bus.stop(), 0);
});
