// A broker that is killed and comes back on its directory: what was confirmed is there, in order; what was
// acknowledged is not.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Service } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import fc from "fast-check";
import { Broker, type BrokerOptions, type Delivery, persistence, type Queue } from "../index.ts";

const dirs: string[] = [];
after(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});
function aDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "bus-"));
  dirs.push(dir);
  return dir;
}

interface Life {
  readonly broker: Broker;
  readonly storage: Service;
  readonly settle: () => Promise<void>;
  readonly advance: (ms: number) => Promise<void>;
}

/** One life of a broker. It ends by being abandoned, as a killed process ends. */
async function live(dir: string, options: BrokerOptions = {}): Promise<Life> {
  const platform = testPlatform();
  const broker = new Broker(platform, options);
  const storage = persistence(broker, dir);
  await storage.start();
  const advance = (ms: number) => platform.clock.advance(ms);
  return { broker, storage, advance, settle: () => advance(0) };
}

const work: Queue = {
  name: "work",
  durable: true,
  lengthMax: 1_000_000,
  bindings: [{ exchange: "x", key: "k.#" }],
};
const toWork = { exchange: "x", key: "k.1" };

const aSpec = (name: string) => ({ name, durable: true, exclusive: false, autoDelete: false, arguments: {} });

async function drain({ broker, settle }: Life, queue = work): Promise<readonly unknown[]> {
  const bodies: unknown[] = [];
  await broker.bus().consume(queue, { prefetch: 0 }, (delivery) => bodies.push(delivery.message.body));
  await settle();
  return bodies;
}

test("definitions and confirmed messages survive, transient ones and settled ones do not", async () => {
  const dir = aDir();
  const first = await live(dir);
  const bus = first.broker.bus();
  await bus.declare({ name: "x", kind: "topic", durable: true });
  await bus.declare({ name: "passing", kind: "topic" });
  const held: Delivery[] = [];
  const consumer = await bus.consume(work, { prefetch: 2 }, (delivery) => held.push(delivery));
  for (const body of [1, 2, 3]) await bus.publish(toWork, { body, persistent: true, headers: { n: body } });
  await bus.publish(toWork, { body: "transient" });
  await first.settle();
  await consumer.cancel();
  held[0]!.ack();
  await first.settle();

  const second = await live(dir);

  assert.deepEqual(
    second.broker.exchanges().map((exchange) => exchange.name),
    ["x"],
  );
  await second.broker.bus().publish(toWork, { body: 4, persistent: true });
  assert.deepEqual(await drain(second), [2, 3, 4]);
});

test("a torn tail is cut off, and what is before it is kept", async () => {
  const dir = aDir();
  const first = await live(dir);
  await drain(first, { name: "q", durable: true, bindings: [] });
  await first.broker.bus().publish({ exchange: "", key: "q" }, { body: "whole", persistent: true });
  const segments = join(dir, "segments");
  const file = readdirSync(segments).find((name) => name.endsWith(".messages"));
  appendFileSync(join(segments, file!), Buffer.from("0000004000000000deadbeef", "hex"));

  const second = await live(dir);

  assert.deepEqual(await drain(second, { name: "q", durable: true, bindings: [] }), ["whole"]);
});

test("policies survive, and hold for what was there before them", async () => {
  const dir = aDir();
  const first = await live(dir);
  await drain(first, { name: "limited", durable: true, bindings: [] });
  const policy = {
    pattern: "^lim",
    appliesTo: "queues",
    definition: { "max-length": 2 },
    priority: 0,
  } as const;
  for (const name of ["kept", "dropped"]) first.broker.host.putPolicy({ ...policy, name });
  first.broker.host.dropPolicy("dropped");

  const second = await live(dir);

  assert.deepEqual(second.broker.host.policies.all, [{ ...policy, name: "kept" }]);
  const limited = second.broker.host.queue("limited");
  assert.deepEqual([limited.policy?.name, limited.arguments.lengthMax], ["kept", 2]);
  second.broker.host.dropPolicy("kept");
  assert.equal(limited.arguments.lengthMax, null);
});

test("a time to live that comes after a restart is not for what came before", async () => {
  const dir = aDir();
  const first = await live(dir);
  first.broker.host.declareQueue(aSpec("old"), first.broker);
  for (const body of [1, 2])
    await first.broker.bus().publish({ exchange: "", key: "old" }, { body, persistent: true });

  const second = await live(dir);
  const { host } = second.broker;
  const ttl = {
    name: "ttl",
    pattern: "",
    appliesTo: "all",
    definition: { "message-ttl": 10 },
    priority: 0,
  } as const;
  host.putPolicy(ttl);
  await second.broker.bus().publish({ exchange: "", key: "old" }, { body: 3, persistent: true });
  await second.advance(20);
  assert.equal(host.queue("old").readyCount, 3);
  for (const left of [2, 1]) {
    const entry = host.queue("old").get();
    assert(entry !== null);
    host.queue("old").settle(entry, "ack");
    await second.advance(20);
    // The new one expires at the front, as soon as it is there.
    assert.equal(host.queue("old").readyCount, left === 2 ? 2 : 0);
  }
});

test("users, permissions and virtual hosts survive; the guest does once only", async () => {
  const dir = aDir();
  const everything = { configure: ".*", write: ".*", read: ".*" };
  const first = (await live(dir)).broker;
  assert.notEqual(first.access.authenticate("guest", "guest"), null);
  first.addHost("other", { description: "for others", tags: ["t"] });
  first.addHost("brief");
  const { access } = first;
  for (const name of ["worker", "leaver"]) access.putUser({ name, password: "secret", tags: ["monitoring"] });
  access.setPermission("worker", "other", { ...everything, write: "^w" });
  access.setPermission("worker", "brief", everything);
  access.setPermission("leaver", "/", everything);
  first.hosts.get("brief")?.declareQueue(aSpec("gone"), first);
  first.hosts.get("other")?.declareQueue(aSpec("kept"), first);
  first.deleteHost("brief");
  for (const name of ["leaver", "guest"]) access.deleteUser(name);

  for (let life = 0; life < 2; life++) {
    const { broker } = await live(dir);

    assert.deepEqual(
      broker.access.users().map(({ name, tags }) => [name, tags]),
      [["worker", ["monitoring"]]],
    );
    assert.notEqual(broker.access.authenticate("worker", "secret"), null);
    assert.deepEqual(broker.access.permissions(), [
      { user: "worker", host: "other", ...everything, write: "^w" },
    ]);
    assert.deepEqual([...broker.hosts.keys()], ["/", "other"]);
    assert.equal(broker.hosts.get("other")?.spec.description, "for others");
    assert.equal(broker.hosts.get("other")?.findQueue("kept")?.name, "kept");
    assert.equal(broker.addHost("brief").findQueue("gone"), null);
    broker.deleteHost("brief");
  }
});

test("the last user may go, and nobody comes instead", async () => {
  const dir = aDir();
  (await live(dir)).broker.access.deleteUser("guest");

  assert.deepEqual((await live(dir)).broker.access.users(), []);
});

test("users whom a broker is made with are put at every start, beside those it has", async () => {
  const dir = aDir();
  const given = { name: "given", password: "one", permissions: {} };
  const first = await live(dir, { users: [given] });
  first.broker.access.putUser({ name: "added", password: "x" });
  first.broker.access.putUser({ name: "given", password: "changed" });

  const { access } = (await live(dir, { users: [given] })).broker;

  assert.deepEqual(
    access.users().map(({ name }) => name),
    ["given", "added"],
  );
  assert.notEqual(access.authenticate("given", "one"), null);
});

test("a deleted queue's messages do not come back to a new one of its name", async () => {
  const dir = aDir();
  const first = await live(dir);
  const queue: Queue = { name: "q", durable: true, bindings: [] };
  await (await first.broker.bus().consume(queue, { prefetch: 1 }, () => undefined)).cancel();
  await first.broker.bus().publish({ exchange: "", key: "q" }, { body: "old", persistent: true });
  first.broker.host.deleteQueue("q");
  await (await first.broker.bus().consume(queue, { prefetch: 1 }, () => undefined)).cancel();

  assert.deepEqual(await drain(await live(dir), queue), []);
});

type Step = { readonly kind: "publish" | "ack" | "requeue" | "kill" | "stop"; readonly which: number };

test("whatever is published, settled and killed, the queue is its model's", async () => {
  const steps = fc.array(
    fc.record<Step>({
      kind: fc.constantFrom("publish", "publish", "publish", "ack", "requeue", "kill", "stop"),
      which: fc.nat(9),
    }),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (story) => {
      const dir = aDir();
      const queue: Queue = { name: "q", durable: true, bindings: [] };
      let life = await live(dir);
      let held: Delivery[] = [];
      const consume = (of: Life) =>
        of.broker.bus().consume(queue, { prefetch: 4 }, (delivery) => held.push(delivery));
      await consume(life);
      let model: number[] = [];
      let next = 0;
      for (const { kind, which } of story) {
        if (kind === "publish") {
          await life.broker.bus().publish({ exchange: "", key: "q" }, { body: next, persistent: true });
          model.push(next++);
        } else if (kind === "kill" || kind === "stop") {
          if (kind === "stop") await life.storage.stop();
          held = [];
          life = await live(dir);
          await consume(life);
        } else {
          const [one] = held.splice(which % Math.max(1, held.length), 1);
          if (one === undefined) continue;
          if (kind === "ack") model = model.filter((body) => body !== one.message.body);
          if (kind === "ack") one.ack();
          else one.nack({ requeue: true });
        }
        await life.settle();
        const waiting = life.broker.queues().find(({ name }) => name === "q");
        assert.equal((waiting?.messages_ready ?? 0) + (waiting?.messages_unacknowledged ?? 0), model.length);
      }
      const last = await live(dir);
      assert.deepEqual(await drain(last, queue), model);
    }),
    { numRuns: 40 },
  );
});

/** 240 MiB of messages that nobody needs for long; half way through, `between` happens. */
async function fillSegments({ broker, settle }: Life, between: () => Promise<void>): Promise<void> {
  const bus = broker.bus();
  const busy: Queue = { name: "busy", durable: true, bindings: [] };
  const held: Delivery[] = [];
  const consumer = await bus.consume(busy, { prefetch: 0 }, (delivery) => held.push(delivery));
  const body = "x".repeat(4 * 1024 * 1024);
  for (let round = 0; round < 60; round++) {
    // What nobody needs any more is not waited for, and this is to be on disk.
    await bus.publish({ exchange: "", key: "busy" }, { body, persistent: true });
    held.pop()?.ack();
    if (round === 30) await between();
  }
  await settle();
  await consumer.cancel();
}

test("segments go when nothing in them lives, and what lives moves out of those that are mostly dead", async () => {
  const dir = aDir();
  const life = await live(dir);
  const bus = life.broker.bus();
  const old: Queue = { name: "old", durable: true, bindings: [] };
  const publish = (body: string) => bus.publish({ exchange: "", key: "old" }, { body, persistent: true });
  await bus.declareQueue(old);
  await publish("first");

  await fillSegments(life, () => publish("second"));

  const files = readdirSync(join(dir, "segments")).filter((name) => name.endsWith(".messages"));
  assert.ok(files.length <= 6, `${files.length} segments are left of 240 MiB`);
  assert.deepEqual(await drain(await live(dir), old), ["first", "second"]);
});

test("what an earlier run left is read when it is wanted, though its segment has gone since", async () => {
  const dir = aDir();
  const first = await live(dir);
  const old: Queue = { name: "old", durable: true, bindings: [] };
  const publish = (life: Life, body: string) =>
    life.broker.bus().publish({ exchange: "", key: "old" }, { body, persistent: true });
  await first.broker.bus().declareQueue(old);
  await publish(first, "of the first run");
  const segment = readdirSync(join(dir, "segments")).find((name) => name.endsWith(".messages"));
  const second = await live(dir);

  await fillSegments(second, () => publish(second, "of the second run"));

  assert.ok(!readdirSync(join(dir, "segments")).includes(segment!), "what was in it lives elsewhere now");
  assert.deepEqual(await drain(second, old), ["of the first run", "of the second run"]);
});

test("what an earlier run left keeps its time to live, and its priority", async () => {
  const dir = aDir();
  const first = await live(dir);
  first.broker.host.declareQueue({ ...aSpec("urgent"), arguments: { "x-max-priority": 5 } }, {});
  first.broker.host.declareQueue(aSpec("brief"), {});
  const bus = first.broker.bus();
  await bus.publish({ exchange: "", key: "urgent" }, { body: "later", persistent: true, priority: 1 });
  await bus.publish({ exchange: "", key: "urgent" }, { body: "now", persistent: true, priority: 4 });
  await bus.publish({ exchange: "", key: "brief" }, { body: "gone", persistent: true, expirationMs: 50 });
  await bus.publish({ exchange: "", key: "brief" }, { body: "stays", persistent: true });

  const second = await live(dir);

  await second.advance(60);
  const bodies = (name: string) => {
    const queue = second.broker.host.queue(name);
    const taken: unknown[] = [];
    for (let entry = queue.get(); entry !== null; entry = queue.get())
      taken.push(entry.content.message(second.broker.form).body);
    return taken;
  };
  assert.deepEqual(bodies("urgent"), ["now", "later"]);
  assert.deepEqual(bodies("brief"), ["stays"]);
});

test("a long queue is paged and comes out whole, in order, with what was returned before", async () => {
  const life = await live(aDir());
  const bus = life.broker.bus();
  const long: Queue = { name: "long", lengthMax: 100_000, bindings: [] };
  await (await bus.consume(long, { prefetch: 1 }, () => undefined)).cancel();
  for (let body = 0; body < 30_000; body++) await bus.publish({ exchange: "", key: "long" }, { body });
  const got: unknown[] = [];
  let isFirst = true;

  await bus.consume(long, { prefetch: 10 }, (delivery) => {
    if (isFirst) {
      isFirst = false;
      delivery.nack({ requeue: true });
      return;
    }
    got.push(delivery.message.body);
    delivery.ack();
  });
  await life.settle();

  assert.ok(got.indexOf(0) < 20, "what was returned comes before what is in pages");
  assert.deepEqual(
    got.filter((body) => body !== 0),
    Array.from({ length: 29_999 }, (_, at) => at + 1),
  );
});
