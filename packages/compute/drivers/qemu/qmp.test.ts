// The QMP client against a socket that speaks as QEMU does, and as it should not.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isFault, systemClock } from "@micronova/kit";
import { virtualClock } from "@micronova/kit/testing";
import { driverErrors } from "../errors.ts";
import { connectQmp } from "./qmp.ts";

type Request = { readonly execute: string; readonly id: number };

/** Listens while `work` runs; `answer` gets each command with a way to send lines. */
async function withServer(
  answer: (request: Request, send: (message: object) => void, socket: Socket) => void,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "micronova-qmp-"));
  const path = join(folder, "socket");
  const server = await listening(path, (socket) => {
    const send = (message: object) => socket.write(`${JSON.stringify(message)}\r\n`);
    send({ QMP: { version: {}, capabilities: [] } });
    socket.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.trim().split("\n")) answer(JSON.parse(line), send, socket);
    });
  });
  try {
    await work(path);
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
}

function listening(path: string, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer(accept);
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

test("answers find their commands, whatever comes between", () =>
  withServer(
    ({ execute, id }, send) => {
      send({ event: "RESUME", data: {}, timestamp: {} });
      send({ return: { asked: execute }, id });
    },
    async (path) => {
      const qmp = await connectQmp(systemClock, path);

      const answers = await Promise.all([qmp.execute("query-status"), qmp.execute("query-jobs")]);

      assert.deepEqual(answers, [{ asked: "query-status" }, { asked: "query-jobs" }]);
      assert.equal(await qmp.saw(({ event }) => event === "RESUME", 0), true);
      qmp.close();
    },
  ));

test("a refusal carries QEMU's words", () =>
  withServer(
    ({ execute, id }, send) =>
      send(
        execute === "device_del"
          ? { error: { class: "DeviceNotFound", desc: "Device 'a' not found" }, id }
          : { return: {}, id },
      ),
    async (path) => {
      const qmp = await connectQmp(systemClock, path);

      await assert.rejects(qmp.execute("device_del", { id: "a" }), {
        message: "QEMU refused device_del: Device 'a' not found",
      });
      qmp.close();
    },
  ));

test("an event may come later, or not at all", () =>
  withServer(
    ({ execute, id }, send) => {
      send({ return: {}, id });
      if (execute === "device_del") send({ event: "DEVICE_DELETED", data: { device: "a" } });
    },
    async (path) => {
      const qmp = await connectQmp(systemClock, path);
      const deleted = qmp.saw(({ data }) => data["device"] === "a", 60_000);

      await qmp.execute("device_del", { id: "a" });

      assert.equal(await deleted, true);
      assert.equal(await qmp.saw(({ data }) => data["device"] === "b", 1), false);
      qmp.close();
    },
  ));

test("a QEMU that dies ends what waits for it", () =>
  withServer(
    ({ execute, id }, send, socket) => {
      if (execute === "quit") socket.destroy();
      else send({ return: {}, id });
    },
    async (path) => {
      const qmp = await connectQmp(systemClock, path);

      await assert.rejects(qmp.execute("quit"), (error) => isFault(error, driverErrors.qmpClosed));
      await assert.rejects(qmp.execute("query-status"), (error) => isFault(error, driverErrors.qmpClosed));
    },
  ));

test("a QEMU that hangs is given up", () =>
  withServer(
    () => {},
    async (path) => {
      const clock = virtualClock();
      const connecting = connectQmp(clock, path);
      const refused = assert.rejects(connecting, (error) => isFault(error, driverErrors.qmpSilent));

      let isOver = false;
      refused.then(() => {
        isOver = true;
      });
      while (!isOver) await clock.advance(1_000);

      await refused;
    },
  ));
