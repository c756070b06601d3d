// A broker short of disk or memory, as a process: publishers are held and say why, consumers go on, nothing
// that was confirmed is lost, and with room again all go on.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import {
  amqpErrors,
  Broker,
  type Bus,
  connectAmqp,
  type Delivery,
  persistence,
  type Queue,
} from "@micronova/amqp";
import { isFault, run, silentLog } from "@micronova/kit";
import { realPlatform } from "../support/running-broker.ts";
import { type BusProcess, startBus } from "../support/running-bus.ts";
import { eventually } from "../support/running-cloud.ts";

const patienceMs = 30_000;
const queue: Queue = { name: "work", durable: true, lengthMax: 10_000_000, bindings: [] };
const to = { exchange: "", key: queue.name };

const everything = { configure: ".*", write: ".*", read: ".*" };

const until = (isSo: () => boolean) => eventually(async () => isSo(), Boolean, patienceMs);

const open: Bus[] = [];
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
});
function kept(bus: Bus): Bus {
  open.push(bus);
  return bus;
}

/** A bus that knows why its broker holds it. */
function listening(urls: readonly string[]): { readonly bus: Bus; readonly reasons: unknown[] } {
  const reasons: unknown[] = [];
  const warn = (fields: object) => "reason" in fields && reasons.push(fields.reason);
  const log = { ...silentLog, warn: (fields: object) => void warn(fields) };
  return { bus: kept(connectAmqp({ ...realPlatform, log }, urls)), reasons };
}

/** Publishes persistent messages until told to stop, so many at a time; knows which are confirmed. */
function publishing(bus: Bus, body: (n: number) => string) {
  const confirmed: number[] = [];
  let isOver = false;
  const all = (async () => {
    const waiting = new Set<Promise<void>>();
    for (let n = 0; !isOver; n++) {
      const one = bus
        .publish(to, { body: body(n), persistent: true })
        .then(() => void confirmed.push(n))
        .finally(() => waiting.delete(one));
      waiting.add(one);
      if (waiting.size >= 100) await Promise.race(waiting);
    }
    await Promise.all(waiting);
  })();
  const stop = () => {
    isOver = true;
    return all;
  };
  return { confirmed, stop };
}

async function numbersOf(urls: readonly string[], countMin: number): Promise<readonly number[]> {
  const got: number[] = [];
  const bus = kept(connectAmqp(realPlatform, urls));
  await bus.consume(queue, { prefetch: 200 }, (delivery) => {
    got.push(Number.parseInt(String(delivery.message.body), 10));
    delivery.ack();
  });
  await until(() => got.length >= countMin);
  await bus.close();
  return got;
}

const skip = process.getuid?.() === 0 ? false : "only root makes a small disk";

describe("a bus on a small disk", { skip }, () => {
  const disk = mkdtempSync(join(tmpdir(), "bus-alarms-"));
  const ballast = join(disk, "ballast");
  let running: BusProcess | null = null;

  before(() => run("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", disk]));
  afterEach(async () => {
    running?.kill();
    await running?.stop();
  });
  after(async () => {
    await run("umount", [disk]);
    rmSync(disk, { recursive: true });
  });

  const cases = [
    ["the limit is reached", "8"],
    ["there is no room at all", "0"],
  ] as const;
  for (const [when, limitMb] of cases)
    test(`holds publishers when ${when}, and loses nothing that was confirmed`, async () => {
      writeFileSync(ballast, Buffer.alloc(24 * 1024 * 1024));
      const dataDir = join(disk, `limit-${limitMb}`);
      const limits = ["--disk-free-limit", limitMb];
      running = await startBus(dataDir, limits);
      const { urls } = running;
      const { bus, reasons } = listening(urls);
      await bus.declareQueue(queue);
      const { confirmed, stop } = publishing(bus, (n) => `${n} ${"x".repeat(10_000)}`);
      await until(() => reasons.length > 0);
      const before = confirmed.length;
      assert.deepEqual(reasons, ["low on disk"]);
      assert.ok(before > 100, `${before} were confirmed before`);

      rmSync(ballast);
      await until(() => confirmed.length > before + 100);
      await stop();
      await bus.close();
      running.kill();
      running = await startBus(dataDir, limits);

      // What came without a confirm may be there as well, once more when it was sent again.
      const got = new Set(await numbersOf(running.urls, confirmed.length));
      assert.deepEqual(
        confirmed.filter((n) => !got.has(n)),
        [],
      );
      assert.equal(await running.stop(), 0);
      rmSync(dataDir, { recursive: true });
    });

  test("changes no rights that it cannot write down", async () => {
    const broker = new Broker(realPlatform);
    const storage = persistence(broker, join(disk, "rights"));
    await storage.start();
    const { access } = broker;
    // More than the rest of a page that the file has already.
    const name = "long".repeat(2_000);
    access.putUser({ name, password: "x" });
    access.setPermission(name, "/", everything);
    fill(ballast);

    for (const change of [
      () => access.putUser({ name, password: "y" }),
      () => access.clearPermission(name, "/"),
      () => access.deleteUser(name),
      () => broker.addHost(name),
    ])
      assert.throws(change, (error) => isFault(error, amqpErrors.diskRefuses));

    assert.notEqual(access.authenticate(name, "x"), null);
    assert.deepEqual([access.user(name).mayOpen("/"), [...broker.hosts.keys()]], [true, ["/"]]);
    rmSync(ballast);
    access.deleteUser(name);
    broker.close();
    await storage.stop();
  });
});

/** Takes all the room there is, to the last byte. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    assert.match(String(error), /ENOSPC/);
  } finally {
    closeSync(file);
  }
}

test("a bus with too little memory holds publishers until its consumers have made room", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "bus-memory-"));
  const running = await startBus(dataDir, ["--memory-limit", "160"]);
  const { bus, reasons } = listening(running.urls);
  const taker = kept(connectAmqp(realPlatform, running.urls));
  const held: Delivery[] = [];
  let isHolding = true;
  let count = 0;
  await taker.consume(queue, { prefetch: 0 }, (delivery) => {
    count++;
    if (isHolding) held.push(delivery);
    else delivery.ack();
  });
  const body = "x".repeat(50_000);
  const { confirmed, stop } = publishing(bus, () => body);
  await until(() => reasons.length > 0);
  assert.deepEqual(reasons, ["low on memory"]);
  const before = confirmed.length;

  isHolding = false;
  for (const delivery of held.splice(0)) delivery.ack();
  await until(() => confirmed.length > before + 500);
  await stop();
  await until(() => count >= confirmed.length);

  await Promise.all([bus.close(), taker.close()]);
  assert.equal(await running.stop(), 0);
  rmSync(dataDir, { recursive: true });
});
