// The sockets themselves: what cannot be seen without one.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { isFault } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { type HttpServer, httpErrors, listen, novaDialect, reply, routesOf, service } from "./index.ts";
import { testAuthenticator } from "./testing.ts";

interface Deps {
  /** Called by the slow route: it answers when this resolves. */
  readonly gate: () => Promise<void>;
}
const route = routesOf<Deps>();
const routes = [
  route({
    method: "GET",
    path: "/slow",
    policy: null,
    success: 200,
    summary: "Waits.",
    async handle(_request, { gate }) {
      await gate();
      return { done: true };
    },
  }),
  route({
    method: "POST",
    path: "/bytes",
    policy: null,
    body: "stream",
    success: 200,
    summary: "Counts bytes and sends as many back.",
    async handle({ stream }) {
      let size = 0;
      await pipeline(stream, async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) size += chunk.length;
      });
      return reply({ headers: { "Content-Type": "application/octet-stream" }, body: zeros(size) });
    },
  }),
  route({
    method: "POST",
    path: "/refused",
    policy: null,
    body: "stream",
    success: 200,
    summary: "Reads the beginning and answers.",
    async handle({ stream }) {
      for await (const _chunk of stream.iterator({ destroyOnReturn: false })) break;
      return { enough: true };
    },
  }),
];

function zeros(size: number): Readable {
  const chunk = Buffer.alloc(65_536);
  return Readable.from(
    (function* () {
      for (let left = size; left > 0; left -= chunk.length)
        yield chunk.subarray(0, Math.min(left, chunk.length));
    })(),
  );
}

async function started(gate = () => Promise.resolve(), port = 0): Promise<HttpServer> {
  const things = service<Deps>({
    name: "things",
    routes,
    deps: { gate },
    policies: {},
    dialect: novaDialect,
    authenticator: testAuthenticator(),
  });
  const healthz = async () => ({ status: 200, headers: {}, body: "ok" });
  const options = {
    host: "127.0.0.1",
    port,
    services: { "/things": things },
    plain: { "/healthz": healthz },
  };
  const server = listen(testPlatform(), options);
  await server.start();
  return server;
}

test("plain paths are answered beside the services", async () => {
  const server = await started();

  const answer = await fetch(`http://127.0.0.1:${server.port}/healthz`);

  assert.equal(await answer.text(), "ok");
  await server.stop();
});

test("large bodies stream through in both directions", async () => {
  const server = await started();
  const url = `http://127.0.0.1:${server.port}/things/bytes`;

  const received = await new Promise<number>((resolve, reject) => {
    const asked = request(url, { method: "POST" }, async (answer) => {
      let size = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) size += chunk.length;
      resolve(size);
    });
    asked.on("error", reject);
    zeros(20_000_001).pipe(asked);
  });

  assert.equal(received, 20_000_001);
  await server.stop();
});

test("a client that leaves after an early answer, its body half sent, leaves no connection", async () => {
  const server = await started();
  const client = connect(server.port, "127.0.0.1");
  client.write("POST /things/refused HTTP/1.1\r\nHost: here\r\nContent-Length: 100000000\r\n\r\n");
  client.write(Buffer.alloc(2_000_000));
  const [answer] = await once(client, "data");

  client.destroy();

  assert.match(String(answer), /^HTTP\/1\.1 200 OK/);
  // The clock of the test stands still: nothing but the client's end lets this come to one.
  await server.stop();
});

test("a taken port is told in one sentence that says what to do", async () => {
  const server = await started();

  await assert.rejects(started(undefined, server.port), (error) => {
    assert.ok(isFault(error, httpErrors.portTaken));
    assert.match(
      error.message,
      /already in use; stop the program that uses it or choose another with --port\.$/,
    );
    return true;
  });
  await server.stop();
});

test("stopping waits for requests in flight", async () => {
  const opened = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const server = await started(() => {
    entered.resolve();
    return opened.promise;
  });
  const answer = fetch(`http://127.0.0.1:${server.port}/things/slow`);
  await entered.promise;

  const stopped = server.stop();
  opened.resolve();

  assert.deepEqual(await (await answer).json(), { done: true });
  await stopped;
});

test("a path that is no URL gets an answer all the same", async () => {
  const server = await started();

  const answer = await raw(server.port, "GET /things/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  assert.match(answer, /^HTTP\/1.1 404 /);
  await server.stop();
});

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => resolve(Buffer.concat(chunks).toString()));
    socket.on("error", reject);
  });
}
