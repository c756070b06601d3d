// What goes out of a connection in one write.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import { TrafficStats } from "../statistics.ts";
import { plainJson } from "../wire-form.ts";
import { Output } from "./output.ts";

/** An output with what it has written; it asks nothing of its socket that other streams do not do. */
function anOutput() {
  const writes: string[] = [];
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString());
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

  assert.deepEqual(writes, ["return confirm"]);
});

test("last words alone are written, once", async () => {
  const { output, writes } = anOutput();

  output.beforeFlush(() => output.raw(Buffer.from("one")));
  await turnOver();
  output.raw(Buffer.from("two"));
  await turnOver();

  assert.deepEqual(writes, ["one", "two"]);
});
