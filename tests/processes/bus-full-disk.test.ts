// A broker on a disk without room: what cannot be kept is not confirmed or is refused, publishers are held,
// what is there is delivered, and with room again everything goes on. Nothing confirmed is lost, and nothing
// comes back.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Broker, persistence, serveAmqp } from "@micronova/amqp";
import { RawClient, type Table } from "@micronova/amqp/testing";
import { run } from "@micronova/kit";
import { realPlatform } from "../support/running-broker.ts";

const sizeMb = 24;
const skip = process.getuid?.() === 0 ? false : "only root makes a small disk";

describe("a broker on a full disk", { skip }, () => {
  const disk = mkdtempSync(join(tmpdir(), "bus-without-room-"));
  const ballast = join(disk, "ballast");
  const clients: RawClient[] = [];
  const running = new Set<() => Promise<void>>();
  before(() => run("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", disk]));
  after(async () => {
    for (const stop of running) await stop();
    await run("umount", [disk]);
    rmSync(disk, { recursive: true });
  });

  async function start(dir: string) {
    const broker = new Broker(realPlatform);
    const storage = persistence(broker, join(disk, dir));
    await storage.start();
    const service = serveAmqp(broker, { host: "127.0.0.1", port: 0 });
    await service.start();
    const stop = async () => {
      running.delete(stop);
      for (const client of clients.splice(0)) await client.cut();
      await service.stop();
      broker.close();
      await storage.stop();
    };
    running.add(stop);
    return { port: service.port, stop };
  }

  /** Takes all the room there is; returns how to give it back. */
  function fill(): () => void {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    return () => rmSync(ballast);
  }

  const durable = { passive: false, durable: true, exclusive: false, autoDelete: false, noWait: false };
  const declare = (client: RawClient, queue: string, args: Table = {}) =>
    client.call(1, "queue.declare", { ...durable, queue, arguments: args }, "queue.declare-ok");
  // More than the rest of a page that a file has already.
  const large = { note: "n".repeat(5_000) };
  const publish = (client: RawClient, key: string, body: Buffer | string, deliveryMode = 2) =>
    client.publish(1, { exchange: "", key }, body, { deliveryMode });
  const named = (name: string) => (heard: { readonly name: string }) => heard.name === name;

  async function opened(port: number): Promise<RawClient> {
    const client = await RawClient.open({ port });
    clients.push(client);
    await client.channel(1);
    return client;
  }

  test("refuses definitions, holds publishers, delivers what it has, and goes on with room again", async () => {
    const broker = await start("a");
    const publisher = await opened(broker.port);
    await publisher.call(1, "confirm.select", { noWait: false }, "confirm.select-ok");
    for (const queue of ["kept", "gone"]) await declare(publisher, queue);
    publish(publisher, "kept", "before");
    await publisher.next(named("basic.ack"));
    const makeRoom = fill();

    publish(publisher, "kept", Buffer.alloc(100_000, "m"));
    await publisher.next(named("connection.blocked"));
    const other = await opened(broker.port);
    await assert.rejects(declare(other, "large", large), /506 RESOURCE_ERROR - the disk takes nothing more/);
    const third = await opened(broker.port);
    await third.call(
      1,
      "queue.delete",
      { queue: "gone", ifUnused: false, ifEmpty: false, noWait: false },
      "queue.delete-ok",
    );
    const got = await third.call(1, "basic.get", { queue: "kept", noAck: true }, "basic.get-ok");
    assert.equal(got.body.toString(), "before");
    assert.deepEqual(publisher.heard, [], "nothing is confirmed that is not safe");

    makeRoom();
    await publisher.next(named("basic.ack"));
    await publisher.next(named("connection.unblocked"));
    await declare(third, "large", large);
    await broker.stop();
    const again = await start("a");
    const client = await opened(again.port);
    const passive = { ...durable, passive: true, arguments: {} };
    const kept = await client.call(1, "queue.declare", { ...passive, queue: "kept" }, "queue.declare-ok");
    assert.equal(kept.args.messageCount, 1);
    await client.call(1, "queue.declare", { ...passive, queue: "large" }, "queue.declare-ok");
    await assert.rejects(
      client.call(1, "queue.declare", { ...passive, queue: "gone" }, "queue.declare-ok"),
      /404/,
    );
    await again.stop();
  });

  test("keeps in memory what it cannot page, and all of it comes out", async () => {
    const broker = await start("b");
    const publisher = await opened(broker.port);
    await publisher.call(
      1,
      "queue.declare",
      { ...durable, durable: false, queue: "long", arguments: {} },
      "queue.declare-ok",
    );
    const makeRoom = fill();
    const count = 16_000;

    for (let number = 0; number < count; number++)
      publish(publisher, "long", `${number} ${"x".repeat(500)}`, 1);
    await publisher.next(named("connection.blocked"));
    makeRoom();
    await publisher.next(named("connection.unblocked"));

    const taker = await opened(broker.port);
    const consume = {
      queue: "long",
      consumerTag: "",
      noLocal: false,
      noAck: true,
      exclusive: false,
      noWait: false,
    };
    await taker.call(1, "basic.consume", { ...consume, arguments: {} }, "basic.consume-ok");
    for (let number = 0; number < count; number++) {
      const { body } = await taker.next(named("basic.deliver"));
      assert.equal(Number.parseInt(body.toString(), 10), number);
    }
    await broker.stop();
  });

  test("starts without room, and delivers what it finds", async () => {
    const first = await start("c");
    const publisher = await opened(first.port);
    await publisher.call(1, "confirm.select", { noWait: false }, "confirm.select-ok");
    await declare(publisher, "kept");
    publish(publisher, "kept", "safe");
    await publisher.next(named("basic.ack"));
    await first.stop();
    const makeRoom = fill();

    const second = await start("c");
    const client = await opened(second.port);
    const got = await client.call(1, "basic.get", { queue: "kept", noAck: false }, "basic.get-ok");
    assert.equal(got.body.toString(), "safe");
    await second.stop();
    makeRoom();
  });
});
