// The codec held against itself: every method, every type, any chunking; and against what should not be.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frameEnd, frameKinds } from "./frame-parser.ts";
import { type Args, readMethod, writeMethod } from "./method-codec.ts";
import { type FieldType, type MethodName, methods } from "./methods.ts";
import { noProperties, Properties, type PropertyFields, propertiesOf } from "./properties.ts";
import { Reader } from "./reader.ts";
import { ReplyError } from "./reply-codes.ts";
import { readTable, type Table, Typed, writeTable } from "./table.ts";
import { anyCuts, chunked, type Frame, parse } from "./testing.ts";
import { Writer } from "./writer.ts";

const hex = (text: string) => Buffer.from(text, "hex");
const shortstr = fc.string({ unit: "grapheme", maxLength: 40 });
const binary = fc.uint8Array({ maxLength: 60 }).map((value) => Buffer.from(value));
const { field } = fc.letrec<{ field: FieldValueOf; table: Table }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.string(),
    fc.integer({ min: -128, max: 127 }).map((value) => new Typed("b", value)),
    fc.integer({ min: 0, max: 255 }).map((value) => new Typed("B", value)),
    fc.integer({ min: -32768, max: 32767 }).map((value) => new Typed("s", value)),
    fc.integer({ min: 0, max: 65535 }).map((value) => new Typed("u", value)),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => new Typed("i", value)),
    fc.integer().map((value) => new Typed("l", BigInt(value))),
    fc.integer({ min: -100, max: 100 }).map((value) => new Typed("f", value / 4)),
    fc.integer().map((value) => new Typed("d", value)),
    fc.integer().map((value) => new Typed("D", [2, value])),
    fc.nat().map((value) => new Typed("T", value)),
    binary.map((value) => new Typed("x", value)),
    fc.array(tie("field"), { maxLength: 4 }),
    tie("table"),
  ),
  table: fc.dictionary(fc.string({ maxLength: 20 }), tie("field"), { maxKeys: 5, noNullPrototype: true }),
}));
type FieldValueOf = Table[string];
const tables = fc.dictionary(fc.string({ maxLength: 20 }), field, { maxKeys: 6, noNullPrototype: true });

const valuesOf: Readonly<Record<FieldType, fc.Arbitrary<unknown>>> = {
  bit: fc.boolean(),
  octet: fc.integer({ min: 0, max: 255 }),
  short: fc.integer({ min: 0, max: 65535 }),
  long: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  longlong: fc.maxSafeNat(),
  shortstr,
  longstr: binary,
  table: tables,
  reservedBit: fc.constant(undefined),
  reservedShort: fc.constant(undefined),
  reservedShortstr: fc.constant(undefined),
};

/** Negative zero is the one number that integers on the wire cannot tell from another. */
const hasNegativeZero = (value: unknown): boolean =>
  Object.is(value, -0) ||
  (typeof value === "object" && value !== null && Object.values(value).some(hasNegativeZero));

function argsOf(name: MethodName): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries<FieldType>(methods[name].fields);
  const present = fields.filter(([, type]) => !type.startsWith("reserved"));
  const record = Object.fromEntries(present.map(([key, type]) => [key, valuesOf[type]]));
  return fc.record(record).filter((args) => !hasNegativeZero(args));
}

function written(name: MethodName, args: Record<string, unknown>): Buffer {
  const writer = new Writer(1);
  // Made of the method's own fields.
  writeMethod(writer, name, args as unknown as Args<MethodName>);
  return Buffer.from(writer.written);
}

// An object's keys lose their type; these are the table's own.
const names = Object.keys(methods) as MethodName[];

for (const name of names) {
  test(`${name} is read as it was written`, () => {
    fc.assert(
      fc.property(argsOf(name), (args) => {
        const reader = new Reader(written(name, args));

        assert.deepEqual(readMethod(reader), { name, args: { ...args } });
        assert.equal(reader.left, 0);
      }),
      { numRuns: 30 },
    );
  });
}

test("methods of a stream are read as they were written, however it was chunked", () => {
  const method = fc
    .constantFrom(...names)
    .chain((name) => fc.record({ name: fc.constant(name), args: argsOf(name), channel: fc.nat(65535) }));
  fc.assert(
    fc.property(fc.array(method, { maxLength: 12 }), anyCuts, (sent, cuts) => {
      const kind = frameKinds.method;
      const frames = sent.map(({ name, args, channel }) => ({ kind, channel, payload: written(name, args) }));

      const read = parse(chunked(streamOf(frames), cuts)).map(({ channel, payload }) => ({
        ...readMethod(new Reader(payload)),
        channel,
      }));

      assert.deepEqual(
        read,
        sent.map(({ name, args, channel }) => ({ name, args: { ...args }, channel })),
      );
    }),
    { numRuns: 300 },
  );
});

test("properties are read as they were written, with what a broker looks at", () => {
  const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const fields = fc.record({
    contentType: some(shortstr),
    headers: some(tables),
    deliveryMode: some(fc.constantFrom(1, 2)),
    priority: some(fc.nat(255)),
    correlationId: some(shortstr),
    replyTo: some(shortstr),
    expiration: some(fc.constant("1000")),
    messageId: some(shortstr),
    timestamp: some(fc.nat()),
    type: some(shortstr),
    userId: some(shortstr),
    appId: some(shortstr),
    clusterId: some(shortstr),
  });
  fc.assert(
    fc.property(fields, (given) => {
      fc.pre(!hasNegativeZero(given));
      const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const read = new Properties(Buffer.from(propertiesOf(present as PropertyFields).bytes));

      assert.deepEqual(read.fields, present);
      assert.equal(read.isPersistent, given.deliveryMode === 2);
      assert.equal(read.priority, given.priority ?? 0);
      assert.equal(read.expiration, given.expiration ?? null);
      assert.equal(read.hasHeaders, given.headers !== undefined);
    }),
  );
  assert.equal(noProperties.bytes.length, 2);
});

function streamOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.flatMap(({ kind, channel, payload }) => {
      const head = Buffer.alloc(7);
      head.writeUInt8(kind, 0);
      head.writeUInt16BE(channel, 1);
      head.writeUInt32BE(payload.length, 3);
      return [head, payload, Buffer.from([frameEnd])];
    }),
  );
}

test("frames do not depend on how the stream was chunked", () => {
  const frame = fc.record({
    kind: fc.constantFrom(...Object.values(frameKinds)),
    channel: fc.nat(65535),
    payload: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((value) => Buffer.from(value)),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), anyCuts, (frames, cuts) => {
      const stream = streamOf(frames);

      assert.deepEqual(parse(chunked(stream, cuts)), parse([stream]));
      const joined = parse([stream]).reduce((size, one) => size + one.payload.length, 0);
      assert.equal(
        joined,
        frames.reduce((size, one) => size + one.payload.length, 0),
      );
    }),
  );
});

const refusedWith = (code: number, text: RegExp) => (error: unknown) =>
  error instanceof ReplyError && error.code === code && error.isHard && text.test(error.message);

test("a frame that is too large or badly ended is refused in RabbitMQ's words", () => {
  const large = streamOf([{ kind: 1, channel: 0, payload: Buffer.alloc(5000) }]);
  assert.throws(
    () => parse([large], 4096),
    refusedWith(501, /^FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,5000,4088}$/),
  );
  for (const kind of [frameKinds.method, frameKinds.body]) {
    const bad = streamOf([{ kind, channel: 0, payload: Buffer.from([1, 2]) }]);
    bad[bad.length - 1] = 0;
    assert.throws(
      () => parse([bad]),
      refusedWith(501, new RegExp(`type ${kind}, all octets = <<1,2>>: {invalid_frame_end_marker,0}`)),
    );
  }
});

test("whatever bytes come as a method, a header or a table, they are read or refused", () => {
  const attempt = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      assert(error instanceof ReplyError && error.isHard, String(error));
    }
  };
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.constantFrom(...Object.values(methods)),
      (noise, spec) => {
        const head = Buffer.alloc(4);
        head.writeUInt16BE(spec.classId, 0);
        head.writeUInt16BE(spec.methodId, 2);
        attempt(() => readMethod(new Reader(Buffer.concat([head, noise]))));
        attempt(() => readTable(new Reader(Buffer.from(noise))));
        attempt(() => new Properties(Buffer.from(noise)).fields);
      },
    ),
    { numRuns: 2000 },
  );
});

test("a table nested a thousand deep is refused", () => {
  const writer = new Writer();
  let table: Table = {};
  for (let depth = 0; depth < 1000; depth++) table = { t: table };
  writeTable(writer, table);

  assert.throws(() => readTable(new Reader(writer.written)), refusedWith(502, /nested deeper than 128/));
});

test("a field named after a prototype is a field", () => {
  const writer = new Writer();
  writeTable(writer, JSON.parse('{"__proto__": 1, "toString": 2}'));

  const table = readTable(new Reader(writer.written));

  assert.deepEqual(Object.entries(table), [
    ["__proto__", 1],
    ["toString", 2],
  ]);
});

test("whatever a table's bytes are, what is read of them can be written and says the same", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const letters = fc.constantFrom(..."tbBsuIilLfdDSxTAFV").map((letter) => letter.charCodeAt(0));
  // Names of one letter, types that there are, and bytes that are often enough a value of that type.
  const part = fc.tuple(letters, fc.array(byte, { minLength: 8, maxLength: 8 }));
  const sizes = [1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 5, 0, 0, 8, 0, 0, 0];
  const tableOf = (parts: readonly (readonly [number, readonly number[]])[]) =>
    parts.flatMap(([letter, bytes]) => {
      const size = sizes["tbBsuIilLfdDSxTAFV".indexOf(String.fromCharCode(letter))] ?? 0;
      const isSized = "SxAF".includes(String.fromCharCode(letter));
      return [1, 97 + (bytes[0]! % 26), letter, ...(isSized ? [0, 0, 0, 0] : bytes.slice(0, size))];
    });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const fields = Buffer.from(tableOf(parts));
      const size = Buffer.alloc(4);
      size.writeUInt32BE(fields.length);
      const table = readTable(Reader.strict(Buffer.concat([size, fields])));

      const writer = new Writer();
      writeTable(writer, table);

      assert.deepEqual(readTable(Reader.strict(writer.written)), table);
    }),
    { numRuns: 2_000 },
  );
});

test("names that are no UTF-8 are refused where they would be written again, and values are not", () => {
  const name = Buffer.concat([Buffer.from([200]), Buffer.alloc(200, 0xff)]);
  assert.throws(() => Reader.strict(name).shortstr(), /SYNTAX_ERROR - a name is not UTF-8/);
  assert.equal(Reader.strict(Buffer.from("\u0003\uFFFD")).shortstr(), "\uFFFD");
  const correlation = Buffer.concat([hex("0400"), name]);

  const changed = new Properties(correlation).with({ headers: { a: 1 }, expiration: undefined });

  assert.ok(changed.bytes.includes(name), "the correlation id is as it was");
  assert.deepEqual(changed.headers, { a: 1 });
  assert.throws(() => new Properties(hex("0000ff")), /SYNTAX_ERROR - a content header goes on/);
});
