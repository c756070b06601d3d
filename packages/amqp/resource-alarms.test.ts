// When memory or disk run low: who is held, why, and until when.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import { Broker } from "./index.ts";
import { type Readings, resourceAlarms } from "./resource-alarms.ts";
import { TrafficStats } from "./statistics.ts";

const limits = { memoryBytesMax: 100, diskFreeBytesMin: 50 };

interface Machine extends Readings {
  memory: number;
  garbage: number;
  free: number | null;
}

function aMachine(): Machine {
  return {
    memory: 10,
    garbage: 0,
    free: 1_000,
    memoryBytes() {
      return this.memory + this.garbage;
    },
    async diskFreeBytes() {
      if (this.free === null) throw new Error("the disk is gone");
      return this.free;
    },
    collect() {
      this.garbage = 0;
    },
  };
}

async function watched() {
  const platform = testPlatform();
  const broker = new Broker(platform);
  const machine = aMachine();
  const alarms = resourceAlarms(broker, limits, machine);
  await alarms.start();
  const later = () => platform.clock.advance(1_000);
  return { broker, machine, alarms, later };
}

test("publishers are held while there is too little memory, disk or both, in RabbitMQ's words", async () => {
  const { broker, machine, alarms, later } = await watched();
  const cases = [
    [{ memory: 101 }, "low on memory"],
    [{ memory: 100 }, null],
    [{ free: 49 }, "low on disk"],
    [{ free: 49, memory: 101 }, "low on disk & memory"],
    [{ free: 50 }, null],
    [{ free: null }, "low on disk"],
    [{}, null],
  ] as const;
  for (const [reading, expected] of cases) {
    Object.assign(machine, { memory: 10, free: 1_000 }, reading);
    await later();
    assert.equal(broker.isAlarmed, expected !== null);
    if (expected !== null) assert.equal(broker.alarmReason, expected);
  }
  assert.deepEqual(broker.resources, {
    memoryBytes: 10,
    memoryBytesMax: 100,
    diskFreeBytes: 1_000,
    diskFreeBytesMin: 50,
  });
  await alarms.stop();
});

test("garbage is no reason to hold anybody", async () => {
  const { broker, machine, alarms, later } = await watched();
  machine.garbage = 500;

  await later();

  assert.equal(broker.isAlarmed, false);
  await alarms.stop();
});

test("whoever finds too little says when there is enough, and nobody else does", async () => {
  const { broker, machine, alarms, later } = await watched();
  let ended = 0;
  broker.connections.add({
    user: null,
    host: null,
    name: "somebody",
    peer: { peer_host: "", peer_port: 0 },
    channels: [],
    traffic: new TrafficStats(),
    status: () => assert.fail("nobody asks"),
    close: () => assert.fail("nobody closes"),
    alarmBegan: () => undefined,
    alarmEnded: () => ended++,
  });
  broker.alarm("messages", "disk");
  machine.free = 1;
  await later();
  machine.free = 1_000;
  await later();
  assert.deepEqual([...broker.alarms.keys()], ["messages"]);
  assert.deepEqual([broker.alarmReason, ended], ["low on disk", 0]);

  broker.alarm("messages", null);
  broker.alarm("messages", null);

  assert.deepEqual([broker.isAlarmed, ended], [false, 1]);
  await alarms.stop();
});

test("without limits there are RabbitMQ's: a share of the memory, and fifty megabytes of disk", async () => {
  const broker = new Broker(testPlatform());
  const alarms = resourceAlarms(broker, {}, aMachine());

  await alarms.start();

  assert.equal(broker.resources?.diskFreeBytesMin, 50_000_000);
  assert.ok(broker.resources.memoryBytesMax > 100_000_000);
  await alarms.stop();
});
