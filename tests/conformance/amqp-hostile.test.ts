// What should never be sent: the broker answers with RabbitMQ's words or cuts the line, and others do not
// notice.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { Broker, serveAmqp } from "@micronova/amqp";
import { virtualClock } from "@micronova/kit/testing";
import { type RunningBroker, realPlatform, startBroker } from "../support/running-broker.ts";

let running: RunningBroker;
before(async () => {
  running = await startBroker();
});
after(() => running.stop());

const header = Buffer.from("AMQP\x00\x00\x09\x01", "latin1");

function frame(kind: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(kind, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string) => Buffer.from(value, "latin1");
const plain = Buffer.concat([hex("0000000c"), text("\0guest\0guest")]);
const startOk = frame(
  1,
  0,
  Buffer.concat([hex("000a000b 00000000"), text("\x05PLAIN"), plain, text("\x05en_US")]),
);
const tuneOk = frame(1, 0, hex("000a001f 0000 00020000 0000"));
const open = frame(1, 0, hex("000a0028 012f 00 00"));
const openChannel = frame(1, 1, hex("0014000a 00"));
const handshake = Buffer.concat([header, startOk, tuneOk, open, openChannel]);

/** Sends bytes, and returns what came back until the broker closed or said why it will. */
function answerTo(bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(running.port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    const timer = setTimeout(
      () => reject(new Error(`no end after ${JSON.stringify(answer.slice(-200))}`)),
      8_000,
    );
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (/[A-Z_]{8,} - /.test(answer)) end();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}

test("another protocol is told which one is spoken here", async () => {
  assert.equal(await answerTo(text("GET / HTTP/1.1\r\n\r\n")), header.toString("latin1"));
});

const nested = (depth: number): Buffer => {
  let table = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(table.length);
    table = Buffer.concat([text("\x01tF"), size, table]);
  }
  const size = Buffer.alloc(4);
  size.writeUInt32BE(table.length);
  return Buffer.concat([size, table]);
};
const declare = (table: Buffer, queue = "q") =>
  frame(1, 1, Buffer.concat([hex("0032000a 0000 01"), text(queue), Buffer.from([0]), table]));
const publish = frame(1, 1, hex("003c0028 0000 00 0171 00"));

const cases: readonly (readonly [string, Buffer, RegExp])[] = [
  [
    "a frame larger than agreed",
    frame(1, 1, Buffer.alloc(131_073)),
    /FRAME_ERROR - type 1.*frame_too_large,131073,131064/,
  ],
  [
    "a frame without its end",
    Buffer.concat([hex("01 0001 00000004 00140028"), text("x")]),
    /FRAME_ERROR.*invalid_frame_end_marker,120/,
  ],
  ["a frame of no known kind", frame(77, 1, Buffer.alloc(3)), /FRAME_ERROR - type 77/],
  ["an unknown method", frame(1, 1, hex("00630063")), /COMMAND_INVALID - unknown method 99 of class 99/],
  ["a truncated method", frame(1, 1, hex("0032000a 0000 ff")), /SYNTAX_ERROR - /],
  ["a table a thousand deep", declare(nested(1_000)), /SYNTAX_ERROR - a table is nested deeper/],
  ["a table of an unknown type", declare(hex("00000003 01 74 7a")), /SYNTAX_ERROR - unknown field type/],
  ["a body without a publish", frame(3, 1, text("x")), /UNEXPECTED_FRAME - expected content body/],
  [
    "a method where a header is due",
    Buffer.concat([publish, publish]),
    /UNEXPECTED_FRAME - expected content header for class 60/,
  ],
  [
    "a body longer than its header says",
    Buffer.concat([publish, frame(2, 1, hex("003c0000 0000000000000001 0000")), frame(3, 1, text("long"))]),
    /UNEXPECTED_FRAME - content body is larger/,
  ],
  [
    "a message beyond all sizes",
    Buffer.concat([publish, frame(2, 1, hex("003c0000 00ff000000000001 0000"))]),
    /PRECONDITION_FAILED - message size/,
  ],
  [
    "a channel that was not opened",
    frame(1, 9, hex("0032000a 0000 00 00 00000000")),
    /CHANNEL_ERROR - expected 'channel.open'/,
  ],
  ["a channel opened twice", openChannel, /CHANNEL_ERROR - second 'channel.open' seen/],
];

for (const [name, bytes, expected] of cases) {
  test(`${name} is answered with a reason`, async () => {
    assert.match(await answerTo(Buffer.concat([handshake, bytes])), expected);
  });
}

test("noise never disturbs another connection", async () => {
  const patient = connect(running.port, "127.0.0.1", () => patient.write(handshake));
  let heard = "";
  patient.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  const random = (count: number) => Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256));

  await Promise.all(
    Array.from({ length: 200 }, (_, round) => {
      const good = Buffer.concat([handshake, declare(nested(3)), publish]);
      for (let flips = 0; flips < 1 + (round % 5); flips++)
        good[8 + Math.floor(Math.random() * (good.length - 8))] = Math.floor(Math.random() * 256);
      const bytes = round % 2 === 0 ? good : Buffer.concat([handshake, random(500)]);
      return new Promise<void>((resolve) => {
        const socket = connect(running.port, "127.0.0.1", () => socket.end(bytes));
        socket.on("error", () => resolve());
        socket.on("close", () => resolve());
        socket.resume();
      });
    }),
  );

  heard = "";
  patient.write(declare(hex("00000000"), "p"));
  const until = Date.now() + 5_000;
  while (!heard.includes("\x00\x32\x00\x0b") && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(heard.includes("\x00\x32\x00\x0b"), "the patient client's queue was declared");
  patient.destroy();
});

test("who never ends the handshake, or stops in the middle of a word, is cut in the end", async () => {
  const platform = { ...realPlatform, clock: virtualClock() };
  const broker = new Broker(platform);
  const service = serveAmqp(broker, { host: "127.0.0.1", port: 0 });
  await service.start();
  const beginnings = [0, 3, header.length, header.length + 20, handshake.length - openChannel.length - 4];
  const ends = beginnings.map(
    (size) =>
      new Promise<void>((resolve) => {
        const socket = connect(service.port, "127.0.0.1", () => socket.write(handshake.subarray(0, size)));
        socket.resume();
        socket.on("close", () => resolve());
      }),
  );
  while (service.connectionCount < beginnings.length) await new Promise((next) => setImmediate(next));

  for (let second = 0; second < 12; second++) await platform.clock.advance(1_000);

  await Promise.all(ends);
  assert.equal(service.connectionCount, 0);
  await service.stop();
  broker.close();
});
