// What goes out of a connection: in how many writes, and that a peer reads what was meant.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { frameKinds } from "../codec/frame-parser.ts";
import { type Method, readMethod } from "../codec/method-codec.ts";
import { Properties, propertiesOf } from "../codec/properties.ts";
import { Reader } from "../codec/reader.ts";
import { anyCuts, chunked, type Frame, parse } from "../codec/testing.ts";
import { Writer } from "../codec/writer.ts";
import { contentOfBytes, Label } from "../content.ts";
import { TrafficStats } from "../statistics.ts";
import { plainJson } from "../wire-form.ts";
import { Output } from "./output.ts";

/** An output with what it has written; it asks nothing of its socket that other streams do not do. */
function anOutput() {
  const writes: Buffer[] = [];
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      // The buffer is written to again once this returns.
      writes.push(Buffer.from(chunk));
      done();
    },
  });
  return { output: new Output(socket as Socket, plainJson, new TrafficStats()), writes };
}

const turnOver = () => new Promise<void>((resolve) => setImmediate(resolve));

test("what is written last joins what the turn has written, in one write", async () => {
  const { output, writes } = anOutput();

  output.beforeFlush(() => output.raw(Buffer.from("confirm")));
  output.raw(Buffer.from("return "));
  await turnOver();

  assert.deepEqual(writes.map(String), ["return confirm"]);
});

test("last words alone are written, once", async () => {
  const { output, writes } = anOutput();

  output.beforeFlush(() => output.raw(Buffer.from("one")));
  await turnOver();
  output.raw(Buffer.from("two"));
  await turnOver();

  assert.deepEqual(writes.map(String), ["one", "two"]);
});

/** The bodies' sizes are those at which the output changes its ways, and their neighbours. */
const size = fc
  .constantFrom(0, 48, 4088, 8192, 64 * 1024, 131_064, 300_000)
  .chain((about) => fc.integer({ min: Math.max(0, about - 2), max: about + 2 }));
const delivery = fc.record({
  channel: fc.integer({ min: 1, max: 65_535 }),
  tag: fc.maxSafeNat(),
  redelivered: fc.boolean(),
  exchange: fc.string({ maxLength: 80 }),
  key: fc.string({ maxLength: 80 }),
  type: fc.string({ maxLength: 80 }),
  size,
  /** How the body came, when it is kept in parts. */
  parts: fc.option(anyCuts, { nil: null }),
  isGot: fc.boolean(),
});

interface Arrived {
  readonly channel: number;
  readonly method: Method;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** Puts methods, headers and bodies together, as a client does. */
function arrivedIn(frames: readonly Frame[]): readonly Arrived[] {
  const arrived: Arrived[] = [];
  for (const { kind, channel, payload } of frames) {
    const last = arrived.at(-1);
    if (kind === frameKinds.method)
      arrived.push({ channel, method: readMethod(new Reader(payload)), type: "", body: Buffer.alloc(0) });
    else if (last !== undefined && kind === frameKinds.header)
      arrived[arrived.length - 1] = { ...last, type: new Properties(payload.subarray(12)).fields.type };
    else if (last !== undefined && kind === frameKinds.body)
      arrived[arrived.length - 1] = { ...last, body: Buffer.concat([last.body, payload]) };
  }
  return arrived;
}

test("deliveries are read as they were written, however large, framed and chunked", async () => {
  const noise = Buffer.from(Array.from({ length: 300_002 }, (_, at) => (at * 7919) >> 5));
  await fc.assert(
    fc.asyncProperty(
      fc.array(delivery, { maxLength: 5 }),
      fc.constantFrom(4096, 8192, 131_072),
      anyCuts,
      async (deliveries, frameMax, cuts) => {
        const { output, writes } = anOutput();
        output.frameMax = frameMax;

        for (const { channel, tag, redelivered, exchange, key, type, size, parts, isGot } of deliveries) {
          const body = noise.subarray(0, size);
          const content = contentOfBytes(new Label(exchange, key), propertiesOf({ type }), body);
          if (parts !== null) content.parts = chunked(body, parts).filter((part) => part.length > 0);
          if (isGot) output.getOk(channel, tag, redelivered, content, 3);
          else output.deliver(channel, deliverHead, tag, redelivered, content);
        }
        await turnOver();

        const stream = Buffer.concat(writes);
        const expected = deliveries.map(
          ({ channel, tag: deliveryTag, redelivered, exchange, key: routingKey, type, size, isGot }) => {
            const args = { deliveryTag, redelivered, exchange, routingKey };
            const method = isGot
              ? { name: "basic.get-ok", args: { ...args, messageCount: 3 } }
              : { name: "basic.deliver", args: { consumerTag: "tag", ...args } };
            return { channel, method, type, body: noise.subarray(0, size) };
          },
        );
        assert.deepEqual(arrivedIn(parse(chunked(stream, cuts), frameMax)), expected);
      },
    ),
    { numRuns: 100 },
  );
});

/** What of a basic.deliver comes before its tag. */
const deliverHead = (() => {
  const writer = new Writer();
  writer.short(60);
  writer.short(60);
  writer.shortstr("tag");
  return Buffer.from(writer.written);
})();
