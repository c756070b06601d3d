// The client of the Bus in bad times, against both brokers: connections that are cut or fall silent, queues
// that vanish, brokers that take nothing for a while or do not know us.
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { type Address, amqpErrors, type Bus, connectAmqp, type Delivery, type Queue } from "@micronova/amqp";
import { isFault, type LogFields, type Platform, silentLog } from "@micronova/kit";
import { type Authority, anAuthority } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningBroker, realPlatform, startBroker } from "../support/running-broker.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "../support/running-rabbit.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

interface Door {
  readonly missing: string | false;
  readonly port: () => number;
  deleteQueue(name: string): Promise<void>;
  /** Takes no publishes, or takes them again. */
  block(isBlocked: boolean): Promise<void>;
}

let ours: RunningBroker;
let rabbit: RunningRabbit;
let authority: Authority;
let tlsPort: number;
const open: Bus[] = [];
const proxies: TcpProxy[] = [];

before(async () => {
  ours = await startBroker();
  if (rabbitMissing !== false) return;
  authority = await anAuthority();
  tlsPort = await freePort();
  const { certPath, keyPath } = await authority.certificate("/CN=rabbit");
  const config = [
    `channel_max = ${channelMax}`,
    `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `ssl_options.cacertfile = ${authority.caPath}`,
    `ssl_options.certfile = ${certPath}`,
    `ssl_options.keyfile = ${keyPath}`,
  ].join("\n");
  rabbit = await startRabbit({ config });
});
after(async () => {
  await Promise.all(open.map((bus) => bus.close()));
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await ours.stop();
  if (rabbitMissing !== false) return;
  await rabbit.stop();
  authority.remove();
});

const channelMax = 20;
const doors: Readonly<Record<string, Door>> = {
  "our broker": {
    missing: false,
    port: () => ours.port,
    async deleteQueue(name) {
      ours.broker.host.deleteQueue(name);
    },
    async block(isBlocked) {
      ours.broker.alarm("test", isBlocked ? "memory" : null);
    },
  },
  RabbitMQ: {
    missing: rabbitMissing,
    port: () => rabbit.port,
    async deleteQueue(name) {
      await controlled("delete_queue", name);
    },
    async block(isBlocked) {
      await controlled("set_vm_memory_high_watermark", isBlocked ? "0" : "0.4");
    },
  },
};

async function controlled(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await rabbit.control(...args);
  assert.equal(status, 0, stderr);
  return stdout;
}

interface Line extends LogFields {
  readonly event: string;
}

/** A platform whose log can be read. */
function listening(): { readonly platform: Platform; readonly lines: Line[] } {
  const lines: Line[] = [];
  const write = (fields: LogFields, event: string) => void lines.push({ ...fields, event });
  const log = { ...silentLog, info: write, warn: write, error: write };
  return { platform: { ...realPlatform, log }, lines };
}

function kept<B extends Bus>(bus: B): B {
  open.push(bus);
  return bus;
}

async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await startProxy(port);
  proxies.push(proxy);
  return proxy;
}

const urlOf = (port: number) => `amqp://guest:guest@127.0.0.1:${port}`;
let unique = Date.now();
const fresh = (name: string) => `client-${name}-${unique++}`;

async function eventually(isTrue: () => boolean, what: string): Promise<void> {
  const until = Date.now() + 30_000;
  while (!isTrue()) {
    assert.ok(Date.now() < until, `it did not come to pass that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Consumes and acknowledges; returns what comes. */
async function taken(bus: Bus, queue: Queue): Promise<unknown[]> {
  const got: unknown[] = [];
  await bus.consume(queue, { prefetch: 10 }, (delivery) => {
    got.push(delivery.message.body);
    delivery.ack();
  });
  return got;
}

/** Publishes as often as it takes: until a queue is declared again, nobody takes it. */
async function routed(bus: Bus, to: Address, body: number): Promise<void> {
  const isRouted = await bus.publish(to, { body }, { mandatory: true }).then(
    () => true,
    (error) => {
      if (isFault(error, amqpErrors.unroutable) || isFault(error, amqpErrors.exchangeNotFound)) return false;
      throw error;
    },
  );
  if (!isRouted) await routed(bus, to, body);
}

for (const [door, { missing, port, deleteQueue, block }] of Object.entries(doors)) {
  const skip = missing;

  test(`${door}: a connection that was cut without a word is noticed and replaced`, { skip }, async () => {
    const proxy = await proxyTo(port());
    const { platform, lines } = listening();
    const bus = kept(connectAmqp(platform, [urlOf(proxy.port)], { heartbeatSeconds: 1 }));
    const queue: Queue = { name: fresh("silent"), durable: true, expiresMs: 60_000 };
    const got = await taken(bus, queue);
    await bus.publish({ exchange: "", key: queue.name }, { body: "before" });

    proxy.silence();
    await bus.publish({ exchange: "", key: queue.name }, { body: "meanwhile" });
    await eventually(() => got.includes("meanwhile"), "what was published into the silence arrives");

    // What was acknowledged into the silence comes again.
    assert.deepEqual([...new Set(got)], ["before", "meanwhile"]);
    const lost = lines.find(({ event }) => event === "connection to the broker lost");
    assert.match(String(lost?.["error"]), /heartbeats are missing/);
  });

  test(`${door}: a queue locked by our own dead connection is waited for, alone`, { skip }, async () => {
    const proxy = await proxyTo(port());
    const { platform, lines } = listening();
    const bus = kept(connectAmqp(platform, [urlOf(proxy.port)], { heartbeatSeconds: 2 }));
    const exclusive: Queue = { name: fresh("mine"), exclusive: true };
    const shared: Queue = { name: fresh("shared"), durable: true, expiresMs: 60_000 };
    const [mine, others] = [await taken(bus, exclusive), await taken(bus, shared)];

    proxy.dropNearEnds();
    const isWaiting = () => lines.some(({ event }) => event === "consumer cannot begin again yet");
    await eventually(isWaiting, "the queue is found locked");
    await bus.publish({ exchange: "", key: shared.name }, { body: "shared" });
    // Of a queue that both connections consume from, the dead one gets its share until it is buried.
    await bus.publish({ exchange: "", key: shared.name }, { body: "shared too" });
    await eventually(() => others.length > 0, "other consumers go on meanwhile");
    assert.ok(!lines.some(({ event }) => event === "consumer began again"));
    await eventually(() => lines.some(({ event }) => event === "consumer began again"), "it is had at last");
    await bus.publish({ exchange: "", key: exclusive.name }, { body: "mine" }, { mandatory: true });

    await eventually(() => mine.length === 1 && others.length === 2, "everything arrives");
  });

  test(`${door}: a queue deleted under its consumer is declared again`, { skip }, async () => {
    const bus = kept(connectAmqp(realPlatform, [urlOf(port())]));
    const exchange = fresh("gone-with-its-queue");
    await bus.declare({ name: exchange, kind: "fanout", autoDelete: true });
    const queue: Queue = { name: fresh("deleted"), expiresMs: 60_000, bindings: [{ exchange, key: "" }] };
    const got: Delivery[] = [];
    await bus.consume(queue, { prefetch: 1 }, (delivery) => got.push(delivery));
    const to = { exchange, key: "" };
    await bus.publish(to, { body: 1 });
    await eventually(() => got.length === 1, "the first arrives");

    await deleteQueue(queue.name);
    await routed(bus, to, 2);
    await routed(bus, to, 3);
    await eventually(() => got.length === 2, "the second arrives");
    // It is of a queue that is no more; the present one's deliveries are not settled by it.
    got[0]!.ack();
    got[0]!.nack({ requeue: false });
    await bus.publish({ exchange: "", key: fresh("nowhere") }, { body: "a round trip" });
    assert.deepEqual(
      got.map(({ message }) => message.body),
      [1, 2],
    );
    got[1]!.ack();
    await eventually(() => got.length === 3, "the third arrives");
  });

  test(`${door}: publishers wait while the broker takes nothing`, { skip }, async () => {
    const { platform, lines } = listening();
    const bus = kept(connectAmqp(platform, [urlOf(port())]));
    const queue: Queue = { name: fresh("blocked"), expiresMs: 60_000 };
    const got = await taken(bus, queue);
    const to = { exchange: "", key: queue.name };
    await bus.publish(to, { body: 0 });

    await block(true);
    try {
      const isBlocked = () => lines.some(({ event }) => event === "broker takes no publishes for now");
      const waiting = [bus.publish(to, { body: 1 })];
      await eventually(isBlocked, "the broker says that it is blocked");
      const late = bus.publish(to, { body: "late", expirationMs: 1 });
      const isLate = assert.rejects(late, (error) => isFault(error, amqpErrors.expired));
      for (let n = 2; n <= 100; n++) waiting.push(bus.publish(to, { body: n }));
      await block(false);
      await Promise.all(waiting);

      await isLate;
      await eventually(() => got.length >= 101, "all of it arrives");
      assert.deepEqual(
        got,
        Array.from({ length: 101 }, (_, n) => n),
      );
    } finally {
      await block(false);
    }
  });

  test(`${door}: a wrong password is said, and tried again`, { skip }, async () => {
    const { platform, lines } = listening();
    const bus = kept(connectAmqp(platform, [`amqp://guest:wrong@127.0.0.1:${port()}`]));
    const refusals = () => lines.filter(({ event }) => event === "broker cannot be used");
    await eventually(() => refusals().length >= 2, "it is tried twice");

    assert.match(String(refusals()[0]!["error"]), /ACCESS_REFUSED - Login was refused/);
    const why = /No broker can be used at 127\.0\.0\.1:\d+: ACCESS_REFUSED - Login was refused/;
    await assert.rejects(bus.connected(1), why);
    const declared = bus.declare({ name: fresh("x"), kind: "topic" });
    await bus.close();
    await assert.rejects(declared, (error) => isFault(error, amqpErrors.closed));
  });

  test(`${door}: a request that costs the connection is refused, and no other`, { skip }, async () => {
    const bus = kept(connectAmqp(realPlatform, [urlOf(port())]));
    const got = await taken(bus, { name: fresh("innocent"), autoDelete: true });
    const other: Queue = { name: fresh("other"), autoDelete: true };

    const kind = "weird" as "topic";
    const outcomes = await Promise.allSettled([
      bus.declare({ name: fresh("x"), kind }),
      bus.declareQueue({ name: fresh("q"), expiresMs: 60_000 }),
      taken(bus, other),
    ]);
    await bus.publish({ exchange: "", key: other.name }, { body: 1 }, { mandatory: true });

    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["rejected", "fulfilled", "fulfilled"],
    );
    assert.deepEqual(got, []);
  });

  test(`${door}: a consumer is cancelled also when its connection is lost`, { skip }, async () => {
    const proxy = await proxyTo(port());
    const bus = kept(connectAmqp(realPlatform, [urlOf(proxy.port)]));
    const queue: Queue = { name: fresh("cancelled"), expiresMs: 60_000 };
    const got: unknown[] = [];
    const consumer = await bus.consume(queue, { prefetch: 1 }, (delivery) => got.push(delivery));

    proxy.silence();
    const cancelled = consumer.cancel();
    proxy.dropNearEnds();
    await proxy.stop();
    await cancelled;
    await consumer.cancel();
  });

  test(`${door}: channels are used again, and their number is a limit`, { skip }, async () => {
    const bus = kept(connectAmqp(realPlatform, [urlOf(port())]));
    const queue: Queue = { name: fresh("again"), expiresMs: 60_000 };
    for (let n = 0; n < 3 * channelMax; n++) {
      const deliveries: Delivery[] = [];
      const consumer = await bus.consume(queue, { prefetch: 1 }, (delivery) => deliveries.push(delivery));
      await bus.publish({ exchange: "", key: queue.name }, { body: n });
      await eventually(() => deliveries.length === 1, "it arrives");
      await consumer.cancel();
      // Settled after the end of its consumer.
      deliveries[0]!.ack();
    }
    if (door !== "RabbitMQ") return;
    const all = await Promise.allSettled(
      Array.from({ length: channelMax }, () => bus.consume(queue, { prefetch: 1 }, () => undefined)),
    );
    const refused = all.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    assert.ok(refused.length > 0 && refused.every((error) => isFault(error, amqpErrors.channelsUsedUp)));
  });
}

test("RabbitMQ: declarations outlive connections that it closes", { skip: rabbitMissing }, async () => {
  const bus = kept(connectAmqp(realPlatform, [urlOf(rabbit.port)]));
  await bus.connected(10_000);
  const names = Array.from({ length: 200 }, () => fresh("forced"));
  const closed = controlled("close_all_connections", "test");
  for (const name of names) await bus.declareQueue({ name, expiresMs: 60_000 });
  await closed;

  const there = (await controlled("list_queues", "name")).split("\n");
  assert.deepEqual(
    names.filter((name) => !there.includes(name)),
    [],
  );
});

test("RabbitMQ: a queue that is forgotten in silence is declared again", {
  skip: rabbitMissing,
}, async () => {
  const { platform, lines } = listening();
  const bus = kept(connectAmqp(platform, [urlOf(rabbit.port)]));
  const queue: Queue = { name: fresh("forgotten"), expiresMs: 60_000 };
  const got = await taken(bus, queue);
  await controlled("close_all_connections", "test");
  const connections = () => lines.filter(({ event }) => event === "connected to the broker");
  await eventually(() => connections().length === 2, "it is connected again");

  // As nodes do when another one dies.
  const name = `rabbit_misc:r(<<"/">>, queue, <<"${queue.name}">>)`;
  await controlled("eval", `mnesia:dirty_delete(rabbit_queue, ${name}).`);
  await routed(bus, { exchange: "", key: queue.name }, 1);

  await eventually(() => got.length === 1, "it is taken");
});

test("RabbitMQ: quorum queues for what lasts, classic ones for the rest", {
  skip: rabbitMissing,
}, async () => {
  const bus = kept(connectAmqp(realPlatform, [urlOf(rabbit.port)], { queues: "quorum" }));
  const [lasting, passing, own, mine] = ["lasting", "passing", "own", "mine"].map(fresh) as [
    string,
    ...string[],
  ];
  const got = await taken(bus, { name: lasting, durable: true, expiresMs: 60_000 });
  await bus.declareQueue({ name: passing!, expiresMs: 60_000 });
  await bus.consume({ name: own!, durable: true, autoDelete: true }, { prefetch: 1 }, () => undefined);
  await bus.consume({ name: mine!, exclusive: true }, { prefetch: 1 }, () => undefined);
  const message = { body: 1, persistent: true, expirationMs: 60_000, priority: 3 };
  await bus.publish({ exchange: "", key: lasting }, message, { mandatory: true });
  await eventually(() => got.length === 1, "it arrives");

  const types = (await controlled("list_queues", "name", "type", "--silent"))
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([name]) => [lasting, passing, own, mine].includes(name));
  assert.deepEqual(Object.fromEntries(types), {
    [lasting]: "quorum",
    [passing!]: "classic",
    [own!]: "classic",
    [mine!]: "classic",
  });
});

test("RabbitMQ: TLS, with an authority that the client is given", { skip: rabbitMissing }, async () => {
  const url = `amqps://guest:guest@127.0.0.1:${tlsPort}`;
  const bus = kept(connectAmqp(realPlatform, [url], { ca: authority.ca }));
  const queue: Queue = { name: fresh("tls"), autoDelete: true };
  const got = await taken(bus, queue);
  await bus.publish({ exchange: "", key: queue.name }, { body: 1 }, { mandatory: true });
  await eventually(() => got.length === 1, "it arrives");

  const { platform, lines } = listening();
  const trusting = kept(connectAmqp(platform, [url]));
  await eventually(() => lines.length > 0, "it is refused");
  await assert.rejects(trusting.connected(1), /No broker can be used at .*: self-signed certificate/);
});

test("close ends an attempt to connect, and everybody who waits for it", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  const bus = connectAmqp(realPlatform, [urlOf(port)]);
  await eventually(() => sockets.length === 1, "it connects");
  const waiting = [
    bus.declare({ name: "x", kind: "topic" }),
    bus.consume({ name: "q" }, { prefetch: 1 }, () => undefined),
    bus.publish({ exchange: "", key: "q" }, { body: 1 }),
    bus.connected(60_000),
  ];
  const outcomes = Promise.allSettled(waiting);

  await bus.close();

  for (const one of await outcomes)
    assert.ok(one.status === "rejected" && isFault(one.reason, amqpErrors.closed));
  await eventually(() => sockets[0]!.closed, "its socket is closed");
  await assert.rejects(bus.declare({ name: "x", kind: "topic" }), (error) =>
    isFault(error, amqpErrors.closed),
  );
  server.close();
});

test("publishers are told when too much waits for a broker", async () => {
  const bus = connectAmqp(realPlatform, ["amqp://127.0.0.1:1"]);
  const body = "x".repeat(1024 * 1024);
  const to = { exchange: "", key: "q" };
  const waiting = Array.from({ length: 127 }, () => bus.publish(to, { body }));
  const outcomes = Promise.allSettled(waiting);

  const full = (error: unknown) => isFault(error, amqpErrors.outboxFull);
  await assert.rejects(bus.publish(to, { body }), full);
  await bus.close();
  assert.ok((await outcomes).every(({ status }) => status === "rejected"));
});
