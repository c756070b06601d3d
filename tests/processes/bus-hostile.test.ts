// Clients that mean no good, against `micronova bus serve` as a process: it never ends, never grows, and
// others go on. HOSTILE_SECONDS says for how long, HOSTILE_SEED which frames, and with HOSTILE_SCALE=full
// there are ten thousand connections and a hundred thousand queues.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { frame, frameKinds, methodFrame, protocolHeader, RawClient } from "@micronova/amqp/testing";
import { seededRandom } from "@micronova/kit";
import { HostileClient, hostileQueues } from "../support/hostile-client.ts";
import { type BusProcess, startBus } from "../support/running-bus.ts";

const seconds = Number(process.env["HOSTILE_SECONDS"] ?? 5);
const seed = Number(process.env["HOSTILE_SEED"] ?? 20261125);
const isFull = process.env["HOSTILE_SCALE"] === "full";
const dir = mkdtempSync(join(tmpdir(), "bus-hostile-"));
let bus: BusProcess;
let port: number;
before(async () => {
  bus = await startBus(dir);
  port = Number(new URL(bus.urls[0]!).port);
});
after(async () => {
  await bus.stop();
  rmSync(dir, { recursive: true, force: true });
});

const plain = {
  passive: false,
  durable: false,
  exclusive: false,
  autoDelete: false,
  noWait: false,
  arguments: {},
};

function residentMb(): number {
  const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${bus.child.pid}/status`, "utf8")) ?? [];
  return Number(kb) / 1024;
}

/** What the broker calls its own fault. */
function defects(): readonly string[] {
  const log = readFileSync(join(dir, "bus", "bus.log"), "utf8");
  return log.split("\n").filter((line) => /defect|"level":"?(?:error|50|60)/.test(line));
}

/** Sends all pieces of one connection and leaves, in order or not. */
async function attack(pieces: readonly Buffer[], isPolite: boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(port, "127.0.0.1", async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        await new Promise((next) => setImmediate(next));
      }
      if (isPolite) socket.end();
      else setTimeout(() => socket.destroy(), 5);
    });
    socket.resume();
    // What becomes of it is told by its close.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.setTimeout(2_000, () => socket.destroy());
  });
}

/** Does what is mostly possible, and goes on after every refusal; says how much was done. */
async function misbehave(hostile: HostileClient, until: number): Promise<number> {
  const client = await RawClient.open({ port });
  await client.channel(1, 2, 3);
  let deeds = 0;
  const deadline = setTimeout(() => client.socket.destroy(), 2_000);
  const listen = async () => {
    for (;;) {
      const { name, channel } = await client.next();
      if (name === "connection.close") client.socket.end();
      if (name !== "channel.close") continue;
      client.send(channel, "channel.close-ok", {});
      client.send(channel, "channel.open", {});
    }
  };
  // It ends with the connection.
  void listen().catch(() => undefined);
  for (; deeds < 500 && !client.socket.destroyed && Date.now() < until; deeds++) {
    client.output.raw(hostile.deed());
    if (deeds % 20 === 0) await new Promise((next) => setTimeout(next, 1));
  }
  await client.cut();
  clearTimeout(deadline);
  return deeds;
}

/** Somebody who works meanwhile; counts what was done. */
async function work(isOver: () => boolean): Promise<number> {
  const client = await RawClient.open({ port });
  await client.channel(1, 2);
  const declared = await client.call(
    1,
    "queue.declare",
    { ...plain, exclusive: true, queue: "" },
    "queue.declare-ok",
  );
  const { queue } = declared.args;
  for (let round = 0; ; round++) {
    if (isOver()) {
      await client.cut();
      return round;
    }
    client.publish(1, { exchange: "", key: queue }, `round ${round}`);
    const got = await client.call(1, "basic.get", { queue, noAck: true }, "basic.get-ok");
    assert.equal(got.body.toString(), `round ${round}`);
    // What the others have left is thrown away, if they have left anything.
    client.send(2, "queue.delete", {
      queue: hostileQueues[round % 4]!,
      ifUnused: false,
      ifEmpty: false,
      noWait: false,
    });
    const answer = await client.next((heard) => heard.channel === 2);
    if (answer.name === "channel.close") {
      client.send(2, "channel.close-ok", {});
      await client.channel(2);
    }
  }
}

test(`${seconds} seconds of bad frames on two connections change nothing for others`, async () => {
  const random = seededRandom(seed);
  const begin = Date.now();
  let sessions = 0;
  let deeds = 0;
  const attackUntil = async (end: number) => {
    const hostile = new HostileClient(random);
    for (; Date.now() < end; sessions++) {
      if (random.int(4) === 0) deeds += await misbehave(hostile, end);
      else await attack(hostile.session(), random.int(2) === 0);
    }
  };
  // What is taken once is not growth.
  const warmEnd = begin + (seconds * 1_000) / 3;
  await Promise.all([attackUntil(warmEnd), attackUntil(warmEnd)]);
  const before = residentMb();
  const end = begin + seconds * 1_000;
  let isOver = false;

  const [rounds] = await Promise.all([
    work(() => isOver),
    Promise.all([attackUntil(end), attackUntil(end)]).then(() => {
      isOver = true;
    }),
  ]);

  assert.equal(bus.child.exitCode, null);
  assert.deepEqual(defects(), [], `HOSTILE_SEED=${seed}`);
  assert.ok(rounds > seconds * 5, `${rounds} rounds of work beside ${sessions} hostile connections`);
  const grown = residentMb() - before;
  assert.ok(grown < 100, `${grown} MB more after ${sessions} hostile connections and ${deeds} deeds`);
});

test("a second bus on the same directory is refused", async () => {
  await assert.rejects(startBus(dir), /A bus runs on .* already; end it first, or choose another --data-dir/);
});

/** What the broker takes more while something is done to it. */
async function growthMb(work: () => Promise<void>): Promise<number> {
  const before = residentMb();
  await work();
  return residentMb() - before;
}

async function opened(): Promise<RawClient> {
  const client = await RawClient.open({ port });
  await client.channel(1);
  return client;
}

const named = (name: string) => (heard: { readonly name: string }) => heard.name === name;
const get = (client: RawClient, queue: string) =>
  client.call(1, "basic.get", { queue, noAck: true }, "basic.get-ok");
const remove = (client: RawClient, queue: string) =>
  client.call(
    1,
    "queue.delete",
    { queue, ifUnused: false, ifEmpty: false, noWait: false },
    "queue.delete-ok",
  );
/** Comes back when all that was sent before has been dealt with. */
const dealtWith = (client: RawClient) =>
  client.call(1, "basic.qos", { prefetchSize: 0, prefetchCount: 0, global: false }, "basic.qos-ok");

test("a consumer that never reads holds up nobody, and its messages wait on disk", async () => {
  const [publisher, slow] = await Promise.all([opened(), opened()]);
  await publisher.call(1, "queue.declare", { ...plain, queue: "slow" }, "queue.declare-ok");
  slow.socket.pause();
  const consume = {
    queue: "slow",
    consumerTag: "",
    noLocal: false,
    noAck: true,
    exclusive: false,
    noWait: false,
  };
  slow.send(1, "basic.consume", { ...consume, arguments: {} });
  const sizeMb = 200;

  const grown = await growthMb(async () => {
    for (let kb = 0; kb < sizeMb * 1024; kb += 4) {
      publisher.publish(1, { exchange: "", key: "slow" }, Buffer.alloc(4096));
      if (kb % 4096 === 0) await dealtWith(publisher);
    }
    await dealtWith(publisher);
  });

  assert.ok(grown < sizeMb / 2, `${grown} MB for ${sizeMb} MB that nobody reads`);
  await slow.cut();
  assert.equal((await get(publisher, "slow")).body.length, 4096);
  await remove(publisher, "slow");
  await publisher.cut();
});

test("who asks and never reads the answers is not heard any more", async () => {
  const worker = await opened();
  await worker.call(1, "queue.declare", { ...plain, queue: "large" }, "queue.declare-ok");
  for (let count = 0; count < 2_000; count++)
    worker.publish(1, { exchange: "", key: "large" }, Buffer.alloc(50_000));
  await dealtWith(worker);
  const askers = await Promise.all([opened(), opened(), opened()]);
  for (const { socket } of askers) socket.pause();
  const [declarer, getter, publisher] = askers as [RawClient, RawClient, RawClient];

  const grown = await growthMb(async () => {
    for (let count = 0; count < 200_000; count++)
      declarer.send(1, "queue.declare", { ...plain, passive: true, queue: "large" });
    for (let count = 0; count < 2_000; count++) getter.send(1, "basic.get", { queue: "large", noAck: true });
    for (let count = 0; count < 5_000; count++)
      publisher.publish(1, { exchange: "", key: "nowhere", mandatory: true }, Buffer.alloc(20_000));
    // As long as their questions are taken, they are answered; the rest stays with them.
    for (let left = -1; left !== unsent(askers); ) {
      left = unsent(askers);
      for (let round = 0; round < 20; round++) await dealtWith(worker);
    }
  });

  assert.ok(unsent(askers) > 0, "questions wait at their askers");
  assert.ok(grown < 100, `${grown} MB for answers that nobody reads`);
  // Who reads after all gets his answers.
  declarer.socket.resume();
  for (let count = 0; count < 200_000; count++) await declarer.next(named("queue.declare-ok"));
  await Promise.all(askers.map((asker) => asker.cut()));
  await remove(worker, "large");
  await worker.cut();
});

function unsent(clients: readonly RawClient[]): number {
  return clients.reduce((bytes, { socket }) => bytes + socket.writableLength, 0);
}

test("a body in frames of one byte is a body, and costs what it weighs", async () => {
  const client = await opened();
  await client.call(1, "queue.declare", { ...plain, queue: "bytes" }, "queue.declare-ok");
  const size = 300_000;
  const args = { exchange: "", routingKey: "bytes", mandatory: false, immediate: false };
  const header = Buffer.alloc(14);
  header.writeUInt16BE(60, 0);
  header.writeUInt32BE(size, 8);
  const bodies = Array.from({ length: size }, (_, at) => frame(frameKinds.body, 1, Buffer.from([at & 0xff])));

  const grown = await growthMb(async () => {
    client.send(1, "basic.publish", args);
    client.output.raw(frame(frameKinds.header, 1, header));
    client.output.flush();
    client.socket.write(Buffer.concat(bodies));
    await dealtWith(client);
  });

  assert.ok(grown < 50, `${grown} MB for ${size} bytes`);
  const { body } = await get(client, "bytes");
  assert.ok(body.equals(Buffer.from(Array.from({ length: size }, (_, at) => at & 0xff))));
  await remove(client, "bytes");
  await client.cut();
});

test("the largest message passes, and one byte more is refused", async () => {
  const client = await opened();
  await client.call(1, "queue.declare", { ...plain, queue: "largest" }, "queue.declare-ok");
  const largest = Buffer.alloc(128 * 1024 * 1024, "large");
  client.publish(1, { exchange: "", key: "largest" }, largest);
  assert.ok((await get(client, "largest")).body.equals(largest));

  client.publish(1, { exchange: "", key: "largest" }, Buffer.concat([largest, Buffer.from("r")]));

  const refusal = await client.next(named("channel.close"));
  assert.ok(refusal.name === "channel.close");
  assert.match(
    refusal.args.replyText,
    /^PRECONDITION_FAILED - message size 134217729 is larger than configured/,
  );
  const other = await opened();
  await remove(other, "largest");
  await Promise.all([client.cut(), other.cut()]);
});

/** How long a message takes there and back, in ms: the median, and what one in a hundred exceeds. */
async function latency(client: RawClient, rounds: number): Promise<string> {
  const { args } = await client.call(
    1,
    "queue.declare",
    { ...plain, exclusive: true, queue: "" },
    "queue.declare-ok",
  );
  const consume = {
    queue: args.queue,
    consumerTag: "",
    noLocal: false,
    noAck: true,
    exclusive: false,
    noWait: false,
  };
  await client.call(1, "basic.consume", { ...consume, arguments: {} }, "basic.consume-ok");
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    client.publish(1, { exchange: "", key: args.queue }, "there and back");
    await client.next(named("basic.deliver"));
    times.push(performance.now() - begin);
  }
  await remove(client, args.queue);
  times.sort((one, other) => one - other);
  return [0.5, 0.99].map((part) => times[Math.floor(times.length * part)]!.toFixed(2)).join(" and ");
}

test("idle connections cost little, and a broker with many of them answers", async (t) => {
  const count = isFull ? 9_500 : 1_000;
  const client = await opened();
  const handshake = Buffer.concat([
    protocolHeader,
    methodFrame(0, "connection.start-ok", {
      clientProperties: {},
      mechanism: "PLAIN",
      response: Buffer.from("\0guest\0guest"),
      locale: "en_US",
    }),
    methodFrame(0, "connection.tune-ok", { channelMax: 0, frameMax: 0, heartbeat: 0 }),
    methodFrame(0, "connection.open", { virtualHost: "/" }),
  ]);
  const openOk = Buffer.from("000a0029", "hex");
  const idle = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(handshake));
      socket.on("data", (chunk) => {
        if (chunk.includes(openOk)) resolve(socket);
      });
      socket.on("error", reject);
    });
  const sockets: Socket[] = [];

  const grown = await growthMb(async () => {
    while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: 100 }, idle))));
  });

  t.diagnostic(`${((grown * 1024) / count).toFixed(1)} kB a connection of ${count}`);
  t.diagnostic(`${await latency(client, 500)} ms there and back`);
  for (const socket of sockets) socket.destroy();
  await dealtWith(client);
  await client.cut();
});

test("queues cost little, and a broker with many of them answers", async (t) => {
  const count = isFull ? 100_000 : 5_000;
  const [client, other] = await Promise.all([opened(), opened()]);
  const args = { "x-message-ttl": 3_600_000 };
  const each = async (send: (number: number) => void) => {
    for (let number = 0; number < count; number++) {
      send(number);
      if (number % 500 === 0) await dealtWith(client);
    }
    await dealtWith(client);
  };

  const grown = await growthMb(() =>
    each((number) =>
      client.send(1, "queue.declare", { ...plain, noWait: true, queue: `many${number}`, arguments: args }),
    ),
  );
  t.diagnostic(`${((grown * 1024) / count).toFixed(1)} kB a queue of ${count}`);
  await each((number) => client.publish(1, { exchange: "", key: `many${number}` }, "waits"));
  t.diagnostic(`${await latency(other, 500)} ms there and back while a message waits in each`);
  await each((number) =>
    client.send(1, "queue.delete", { queue: `many${number}`, ifUnused: false, ifEmpty: false, noWait: true }),
  );
  t.diagnostic(`${await latency(other, 500)} ms there and back without them`);
  await Promise.all([client.cut(), other.cut()]);
});
