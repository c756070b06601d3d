// What policies do to queues and exchanges, by the management API of both brokers: they take effect at once,
// end at once, and where a queue says so itself the stricter holds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "../support/running-cloud.ts";
import {
  type RunningManagement,
  startManagement,
  startRabbitManagement,
} from "../support/running-management.ts";
import { rabbitMissing } from "../support/running-rabbit.ts";

const running = new Map<string, RunningManagement>();
before(async () => {
  running.set("this broker", await startManagement());
  if (rabbitMissing === false) running.set("RabbitMQ", await startRabbitManagement());
});
after(async () => {
  for (const one of running.values()) await one.stop();
});

type Definition = Readonly<Record<string, string | number>>;
type Message = { readonly payload: string; readonly properties: { readonly headers?: object } };

/** Asks, where a refusal is a failure. */
function operator({ ask }: RunningManagement) {
  const done = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, path, body);
    assert(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    queue: (name: string, args: Definition = {}) =>
      done("PUT", `/queues/%2F/${name}`, { durable: true, arguments: args }),
    exchange: (name: string, args: Definition = {}) =>
      done("PUT", `/exchanges/%2F/${name}`, { type: "direct", durable: true, arguments: args }),
    policy: (name: string, definition: Definition, more: object = {}) =>
      done("PUT", `/policies/%2F/${name}`, { pattern: `^${name}$`, definition, ...more }),
    endPolicy: (name: string) => done("DELETE", `/policies/%2F/${name}`),
    show: (path: string) => done("GET", path),
    async publish(key: string, payload: string, exchange = "amq.default"): Promise<number> {
      const body = { routing_key: key, payload, payload_encoding: "string", properties: {} };
      return (await ask("POST", `/exchanges/%2F/${exchange}/publish`, body)).status;
    },
    /** What is in a queue, oldest first; it stays there unless it is taken. */
    async messages(name: string, ackmode = "ack_requeue_true"): Promise<readonly Message[]> {
      const got = await done("POST", `/queues/%2F/${name}/get`, { count: 20, ackmode, encoding: "auto" });
      return got as readonly Message[];
    },
  };
}

const payloads = (messages: readonly Message[]) => messages.map(({ payload }) => payload);

for (const name of ["this broker", "RabbitMQ"]) {
  const skip = name === "RabbitMQ" ? rabbitMissing : false;
  const asked = () => operator(running.get(name)!);

  test(`a policy limits what waits already, and ends when it is deleted: ${name}`, { skip }, async () => {
    const { queue, policy, endPolicy, publish, messages, show } = asked();
    await queue("length");
    await queue("letters");
    for (const payload of ["a", "b", "c"]) await publish("length", payload);
    await policy("length", {
      "max-length": 1,
      "dead-letter-exchange": "",
      "dead-letter-routing-key": "letters",
    });

    const left = await eventually(
      () => messages("length"),
      (all) => all.length === 1,
    );
    assert.deepEqual(payloads(left), ["c"]);
    assert.deepEqual(payloads(await messages("letters")), ["a", "b"]);
    const view = await eventually(
      () => show("/queues/%2F/length") as Promise<Readonly<Record<string, unknown>>>,
      (shown) => shown["policy"] === "length",
    );
    assert.deepEqual(
      [view["effective_policy_definition"], view["arguments"]],
      [{ "max-length": 1, "dead-letter-exchange": "", "dead-letter-routing-key": "letters" }, {}],
    );

    await endPolicy("length");
    // Elsewhere it may take a moment.
    await eventually(
      () => publish("length", "more").then(() => messages("length")),
      (all) => all.length >= 3,
    );
  });

  test(`of two limits the stricter holds, of two names the declared one: ${name}`, { skip }, async () => {
    const { queue, policy, publish, messages } = asked();
    await queue("strict", {
      "x-max-length": 2,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": "own",
    });
    await queue("strict2", { "x-max-length": 5, "x-overflow": "drop-head" });
    for (const other of ["own", "set"]) await queue(other);
    const set = { "dead-letter-exchange": "", "dead-letter-routing-key": "set" };
    await policy("strict", { "max-length": 5, ...set });
    await policy("strict2", { "max-length": 2, overflow: "reject-publish" });

    for (const payload of ["a", "b", "c"])
      for (const key of ["strict", "strict2"]) assert.equal(await publish(key, payload), 200);

    for (const key of ["strict", "strict2"]) assert.deepEqual(payloads(await messages(key)), ["b", "c"]);
    assert.deepEqual(payloads(await messages("own")), ["a"]);
    assert.deepEqual(payloads(await messages("set")), []);
  });

  test(`policies refuse publishes, let messages expire, and queues: ${name}`, { skip }, async () => {
    const { queue, policy, publish, messages } = asked();
    for (const one of ["full", "passing", "unused"]) await queue(one);
    await policy("full", { "max-length": 1, overflow: "reject-publish" });
    await policy("passing", { "message-ttl": 50 });
    await policy("unused", { expires: 50 });

    assert.deepEqual([await publish("full", "a"), await publish("full", "b")], [200, 400]);
    await publish("passing", "a");
    await eventually(
      () => messages("passing"),
      (all) => all.length === 0,
    );
    const { ask } = running.get(name)!;
    await eventually(
      () => ask("GET", "/queues/%2F/unused"),
      ({ status }) => status === 404,
    );
  });

  test(`what an exchange cannot route goes to its policy's alternate: ${name}`, { skip }, async () => {
    const { exchange, queue, policy, endPolicy, publish, messages } = asked();
    await exchange("way");
    await queue("lost");
    await running.get(name)!.ask("POST", "/bindings/%2F/e/amq.fanout/q/lost", { routing_key: "" });
    await publish("nowhere", "a", "way");
    await policy("way", { "alternate-exchange": "amq.fanout" }, { "apply-to": "exchanges" });
    await publish("nowhere", "b", "way");
    await endPolicy("way");
    await publish("nowhere", "c", "way");
    assert.deepEqual(payloads(await messages("lost")), ["b"]);
  });

  test(`a policy may limit deliveries, of quorum queues alone: ${name}`, { skip }, async () => {
    const { queue, policy, publish, messages } = asked();
    await queue("often", { "x-queue-type": "quorum", "x-delivery-limit": 9 });
    await queue("classic");
    await policy("often", { "delivery-limit": 1 });
    await policy("classic", { "delivery-limit": 1, "max-length": 1 });
    for (const key of ["often", "classic", "classic"]) await publish(key, key);

    await eventually(
      () => messages("often"),
      (all) => all.length === 1,
    );
    assert.equal((await messages("often")).length, 1);
    assert.equal((await messages("often")).length, 0);
    for (let count = 0; count < 3; count++) assert.equal((await messages("classic")).length, 2);
  });

  test(`of those that match, the highest priority counts alone: ${name}`, { skip }, async () => {
    const { queue, policy, endPolicy, publish, messages } = asked();
    await queue("ranked");
    const pattern = "^rank";
    await policy("low", { "max-length": 1 }, { pattern, priority: 1 });
    await policy("high", { "max-length": 3 }, { pattern, priority: 2 });
    await policy("not for queues", { "max-length": 2 }, { pattern, priority: 3, "apply-to": "exchanges" });
    for (const payload of ["a", "b", "c", "d"]) await publish("ranked", payload);
    assert.deepEqual(payloads(await messages("ranked")), ["b", "c", "d"]);
    await endPolicy("high");
    await eventually(
      () => messages("ranked"),
      (all) => all.length === 1,
    );
    await endPolicy("low");
    await endPolicy("not for queues");
  });
}
