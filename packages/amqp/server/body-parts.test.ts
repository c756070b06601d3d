// Large bodies in pieces: the bytes are those that came, and small pieces cost what they weigh.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyParts } from "./body-parts.ts";

test("whatever the pieces, the parts are the body", () => {
  const piece = fc.oneof(fc.nat(20), fc.nat(5_000), fc.nat(100_000));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (sizes) => {
      const pieces = sizes.map((size, at) => Buffer.alloc(size, at));
      const parts = new BodyParts();

      for (const bytes of pieces) parts.add(bytes, 0, bytes.length);

      assert.ok(Buffer.concat(parts.take()).equals(Buffer.concat(pieces)));
      assert.deepEqual(parts.take(), []);
    }),
  );
});

test("a million pieces of a byte are sixteen parts", () => {
  const parts = new BodyParts();
  const bytes = Buffer.from("abc");

  for (let piece = 0; piece < 1_000_000; piece++) parts.add(bytes, 1, 2);

  assert.equal(parts.take().length, 16);
});
