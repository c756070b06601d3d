// Messages that come again, and answers that nobody takes at first: raw messages, as another client sends
// them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker, type Json } from "@micronova/amqp";
import { testPlatform } from "@micronova/kit/testing";
import { busRpc, contract, method } from "./index.ts";

const worker = contract("compute", {
  count: method<object, number>({ timeoutMs: 5_000 }),
  wait: method<{ readonly ms: number }, string>({ timeoutMs: 5_000 }),
});

async function aWorker() {
  const platform = testPlatform();
  const broker = new Broker(platform, { freeze: true });
  let count = 0;
  const rpc = busRpc({ platform, bus: broker.bus() });
  const server = rpc.serve(worker, "h1", {
    count: async () => ++count,
    wait: async ({ ms }) => {
      await platform.clock.sleep(ms);
      return `waited ${++count}`;
    },
  });
  await server.start();
  const client = broker.bus();
  const send = (message: Readonly<Record<string, Json>>) =>
    client.publish({ exchange: "micronova", key: "compute.h1" }, { body: message });
  const answers: Json[] = [];
  /** Takes answers on the queue `mine` from now on. */
  const listen = () =>
    client.consume({ name: "mine" }, { prefetch: 0 }, ({ message: { body }, ack }) => {
      answers.push(body);
      ack();
    });
  const queue = () => broker.queues().find(({ name }) => name === "compute.h1");
  return { platform, server, send, answers, listen, queue };
}

const call = (method: string, args: Json) => ({
  method,
  args,
  _unique_id: "u1",
  _msg_id: "m1",
  _reply_q: "mine",
});

test("an answered call that comes again is answered again, and not done again", async () => {
  const { platform, send, answers, listen, queue } = await aWorker();
  await listen();

  for (let time = 0; time < 3; time++) {
    await send(call("count", {}));
    await platform.clock.advance(1);
  }

  assert.deepEqual(
    answers.map((answer) => [Object(answer)._msg_id, Object(answer).result]),
    Array.from({ length: 3 }, () => ["m1", 1]),
  );
  assert.equal(queue()?.messages_unacknowledged, 0);
});

test("a call that comes again while its work goes on is settled with the first", async () => {
  const { platform, send, answers, listen, queue } = await aWorker();
  await listen();

  for (let time = 0; time < 2; time++) await send(call("wait", { ms: 1_000 }));
  await platform.clock.advance(999);
  assert.deepEqual([queue()?.messages_unacknowledged, answers.length], [2, 0]);
  await platform.clock.advance(1);

  assert.deepEqual(
    answers.map((answer) => Object(answer).result),
    ["waited 1"],
  );
  assert.equal(queue()?.messages_unacknowledged, 0);
});

test("an answer waits for a caller whose queue is away, and its call is done with", async () => {
  const { platform, server, send, answers, listen, queue } = await aWorker();

  await send(call("count", {}));
  await platform.clock.advance(2_000);
  assert.deepEqual([queue()?.messages_ready, queue()?.messages_unacknowledged], [0, 0]);
  await listen();
  await platform.clock.advance(10_000);

  assert.equal(answers.length, 1);
  await send({ ...call("count", {}), _unique_id: "u2", _reply_q: "nobody" });
  await platform.clock.advance(1);
  await server.stop();
  assert.equal(platform.clock.nextWake(), null);
});

test("only a caller that says how long it waits hears beats, well within that time", async () => {
  const { platform, send, answers, listen } = await aWorker();
  await listen();

  await send({ ...call("wait", { ms: 10_000 }), _unique_id: "u1" });
  await platform.clock.advance(10_000);
  assert.equal(answers.length, 1);
  await send({ ...call("wait", { ms: 10_000 }), _unique_id: "u2", _timeout: 3 });
  await platform.clock.advance(9_999);

  const beats = answers.slice(1);
  assert.ok(beats.length >= 6, `${beats.length} beats`);
  assert.ok(beats.every((beat) => Object(beat).ending === false && Object(beat).result === null));
  assert.equal(new Set(beats.map((beat) => Object(beat)._unique_id)).size, beats.length);
});
