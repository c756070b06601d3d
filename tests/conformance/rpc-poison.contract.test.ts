// Messages that come again and messages that nobody can handle, on every Bus: in process, our broker by a
// socket, and RabbitMQ.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Bus, Delivery, Json } from "@micronova/amqp";
import { systemContext } from "@micronova/kit";
import { busRpc, contract, method, type Rpc, topic } from "@micronova/rpc";
import { realPlatform } from "../support/running-broker.ts";
import { eventually, fresh, threeBuses } from "../support/three-buses.ts";

const buses = threeBuses();
const parked = new Map<string, (queue: string) => readonly Delivery[]>();
before(async () => {
  await buses.start();
  for (const { name, skip, connect } of buses.doors)
    if (skip === false) parked.set(name, await theParked(connect()));
});
after(async () => {
  for (const rpc of processes) await rpc.close();
  await buses.stop();
});

const processes: Rpc[] = [];
const rpcOn = (bus: Bus): Rpc => {
  const rpc = busRpc({ platform: realPlatform, bus });
  processes.push(rpc);
  return rpc;
};
const context = systemContext("11111111-1111-4111-8111-111111111111");
const aRole = () => contract(fresh("role"), { ask: method<object, string>({ timeoutMs: 10_000 }) });
type Role = ReturnType<typeof aRole>;
const serve = (bus: Bus, role: Role, ask: () => Promise<string>) => rpcOn(bus).serve(role, "h1", { ask });

/** What was parked from queues whose names begin so, as it comes. */
async function theParked(bus: Bus) {
  const all: Delivery[] = [];
  const dead = { name: "micronova.dead", durable: true, lengthMax: 10_000, overflow: "drop-oldest" } as const;
  await bus.consume(dead, { prefetch: 0 }, (delivery) => {
    all.push(delivery);
    delivery.ack();
  });
  return (queue: string) => all.filter((delivery) => String(said(delivery, "queue")).startsWith(queue));
}

const said = ({ message: { headers = {} } }: Delivery, name: string) => headers[`parked-${name}`];

for (const { name: door, skip, connect } of buses.doors) {
  const parkedFrom = (queue: string) => parked.get(door)!(queue);

  test(`${door}: what is no call is parked, with from where, why and when`, { skip }, async () => {
    const [bus, other] = [connect(), connect()];
    const role = aRole();
    const target = `${role.topic}.h1`;
    const server = serve(bus, role, async () => "answer");
    await server.start();
    const bodies: Json[] = [
      null,
      "text",
      { method: 1 },
      { method: "ask" },
      { method: "ask", _unique_id: "x", args: [] },
      { method: "ask", _unique_id: "x", _fence: { subject: 1 } },
    ];

    for (const body of bodies) await other.publish({ exchange: "micronova", key: target }, { body });
    await eventually(() => parkedFrom(target).length === bodies.length);

    const all = parkedFrom(target);
    assert.deepEqual(
      all.map(({ message }) => message.body),
      bodies,
    );
    const [first = assert.fail()] = all;
    assert.deepEqual(
      [said(first, "exchange"), said(first, "key"), said(first, "reason"), said(first, "error")],
      ["micronova", target, "malformed", "The message is no call: it is no JSON object."],
    );
    assert.ok(Date.now() - Date.parse(String(said(first, "at"))) < 60_000);
    assert.equal(first.message.persistent, true);
    const caller = rpcOn(other);
    assert.equal(await caller.on(role, "h1", { context }).ask({}), "answer");
    await server.stop();
  });

  test(`${door}: an event that a listener throws at is parked`, { skip }, async () => {
    const news = topic<{ readonly load: number }>(fresh("news"));
    const heard: number[] = [];
    const rpc = rpcOn(connect());
    const listener = rpc.listen(news, ({ load }) => {
      if (load < 0) throw new Error("a load cannot be negative");
      heard.push(load);
    });
    await listener.start();
    for (const load of [-1, 2]) await rpc.announce(news, { load });
    await eventually(() => heard.length === 1 && parkedFrom(news.name).length === 1);

    const [one = assert.fail()] = parkedFrom(news.name);
    assert.deepEqual([said(one, "reason"), said(one, "error")], ["threw", "a load cannot be negative"]);
    await listener.stop();
  });

  test(`${door}: a message that kills whoever takes it is parked after a few`, { skip }, async () => {
    const role = aRole();
    const target = `${role.topic}.h1`;

    const deaths = await killed(role, connect, () => parkedFrom(target).length === 1);

    const [one = assert.fail()] = parkedFrom(target);
    assert.deepEqual(
      [deaths, said(one, "reason"), one.message.headers?.["micronova-redeliveries"]],
      [6, "redelivered", 5],
    );
  });

  // The count is RabbitMQ's own there, and the parking place is declared as the others declared it.
  const isReplicating = door === "RabbitMQ" ? skip : "only RabbitMQ has queues of that type";
  test(`${door}: so it is by quorum queues, which count themselves`, { skip: isReplicating }, async () => {
    const role = aRole();
    const target = `${role.topic}.h1`;
    const replicating = () => connect({ queues: "quorum" });

    const deaths = await killed(role, replicating, () => parkedFrom(target).length === 1);

    const [one = assert.fail()] = parkedFrom(target);
    assert.deepEqual(
      [deaths, said(one, "reason"), one.message.headers?.["x-delivery-count"]],
      [6, "redelivered", 6],
    );
  });
}

/** How many processes die with one message, each when it has taken it, until it is parked. */
async function killed(role: Role, connect: () => Bus, isParked: () => boolean): Promise<number> {
  const before = serve(connect(), role, async () => "answer");
  await before.start();
  await before.stop();
  const caller = rpcOn(connect());
  await caller.cast({ ...role, topic: `${role.topic}.h1` }, { context }).ask({});
  for (let deaths = 0; ; deaths++) {
    let isTaken = false;
    const bus = connect();
    const forever = () => {
      isTaken = true;
      return new Promise<string>(() => {});
    };
    await serve(bus, role, forever).start();
    await eventually(() => isTaken || isParked());
    await bus.close();
    if (!isTaken) return deaths;
  }
}
