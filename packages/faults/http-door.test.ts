// Faults at the edge over real sockets: what a client gets, and whether the work was done.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { listen, novaDialect, routesOf, service, Type } from "@micronova/http";
import { testAuthenticator } from "@micronova/http/testing";
import { testPlatform } from "@micronova/kit/testing";
import { openFaults, readRules } from "./index.ts";

interface Deps {
  readonly made: unknown[];
}
const route = routesOf<Deps>();
const routes = [
  route({
    method: "POST",
    path: "/things",
    policy: "things:make",
    body: Type.Object({ name: Type.String() }),
    success: 202,
    summary: "Makes one.",
    async handle({ body }, { made }) {
      made.push(body);
      return { thing: body };
    },
  }),
  route({
    method: "GET",
    path: "/things/:id",
    policy: "things:show",
    success: 200,
    summary: "Shows one.",
    handle: async ({ params }) => ({ thing: params["id"], padding: "x".repeat(1_000) }),
  }),
];

const open = new Set<() => Promise<void>>();
after(async () => {
  for (const stop of open) await stop();
});

async function aCloud(...rules: readonly object[]) {
  const platform = testPlatform();
  const made: unknown[] = [];
  const madeAtDeath: number[] = [];
  const authenticator = testAuthenticator();
  const options = {
    routes,
    deps: { made },
    policies: { "things:make": "anyone", "things:show": "anyone" } as const,
  };
  const things = service<Deps>({ name: "things", ...options, dialect: novaDialect, authenticator });
  const die = () => void madeAtDeath.push(made.length);
  const faults = openFaults(platform, { seed: "1", logPath: null, isNew: true, die });
  // What a client sends.
  faults.rules.add(await readRules(rules as Parameters<typeof readRules>[0]));
  const services = faults.http({ "/compute/v2.1": things, "/operations/v1": things }, authenticator);
  const server = listen(platform, { host: "127.0.0.1", port: 0, services });
  await server.start();
  open.add(() => server.stop());
  const ask = async (method: string, path: string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: { "x-auth-token": "member", "content-type": "application/json", ...headers },
      ...(method === "POST" ? { body: JSON.stringify({ name: "one" }) } : {}),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { platform, faults, made, madeAtDeath, ask };
}

const servers = "/compute/v2.1/things";
const answer = (status: number, more: object = {}) => ({
  place: "http",
  action: { kind: "answer", status, ...more },
});

test("an answer is in the service's dialect, names its rule, and nothing was done", async () => {
  const { ask, made } = await aCloud({ ...answer(503, { message: "Go away." }), id: "busy" });

  const { status, headers, text } = await ask("POST", servers);

  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(text), { serviceUnavailable: { code: 503, message: "Go away." } });
  assert.equal(headers.get("x-micronova-fault"), "busy");
  assert.equal(headers.get("x-micronova-faults"), "on");
  assert.match(headers.get("x-openstack-request-id") ?? "", /^req-[0-9a-f-]{36}$/);
  assert.deepEqual(made, []);
});

test("429 tells when to come again, or does not", async () => {
  const with7 = await aCloud(answer(429, { retry_after: 7 }));
  const without = await aCloud(answer(429));

  const told = await with7.ask("GET", `${servers}/1`);
  const untold = await without.ask("GET", `${servers}/1`);

  assert.deepEqual([told.status, told.headers.get("retry-after")], [429, "7"]);
  assert.deepEqual([untold.status, untold.headers.get("retry-after")], [429, null]);
  assert.equal(JSON.parse(told.text).overLimit.retryAfter, "7");
  assert.equal(JSON.parse(untold.text).overLimit.retryAfter, undefined);
});

test("a dropped connection is one before the work, or after it", async () => {
  const drop = (moment: string) => ({ place: "http", action: { kind: "drop", moment } });
  const before = await aCloud(drop("before"));
  const afterwards = await aCloud(drop("after"));

  await assert.rejects(before.ask("POST", servers), /fetch failed/);
  await assert.rejects(afterwards.ask("POST", servers), /fetch failed/);

  assert.deepEqual([before.made.length, afterwards.made.length], [0, 1]);
});

test("a process dies before the work of a request, or before its answer is heard", async () => {
  const kill = (moment: string) => ({
    place: "http",
    match: { method: "POST" },
    action: { kind: "kill", moment },
  });
  const before = await aCloud(kill("before"));
  const afterwards = await aCloud(kill("after"));

  for (const { ask } of [before, afterwards]) {
    await ask("GET", `${servers}/1`);
    await ask("POST", servers);
  }

  assert.deepEqual([before.madeAtDeath, afterwards.madeAtDeath], [[0], [1]]);
});

test("a truncated body promises more than it has", async () => {
  const { ask } = await aCloud({ place: "http", action: { kind: "truncate" } });

  await assert.rejects(ask("GET", `${servers}/1`), /terminated/);
});

test("an answer that is late is the real one", async () => {
  const { ask, platform } = await aCloud({ place: "http", action: { kind: "delay", ms: 5_000 } });

  const asked = ask("POST", servers);
  while (platform.clock.nextWake() === null) await new Promise((resolve) => setImmediate(resolve));
  await platform.clock.advance(5_000);
  const { status, headers } = await asked;

  assert.deepEqual([status, headers.get("x-micronova-fault")], [202, "rule-1"]);
});

test("rules are about some requests and leave the others alone", async () => {
  const id = "0f0e0d0c-0000-4000-8000-000000000001";
  const cases: readonly (readonly [object, string, string, Record<string, string>, boolean])[] = [
    [{ method: "POST" }, "POST", servers, {}, true],
    [{ method: "POST" }, "GET", `${servers}/1`, {}, false],
    [{ path: "/compute/v2.1/things/:id" }, "GET", `${servers}/1`, {}, true],
    [{ path: "/compute/v2.1/things/:id" }, "POST", servers, {}, false],
    [{ path: "*/things*" }, "GET", `${servers}/1?a=b`, {}, true],
    [{ path: "/compute" }, "POST", servers, {}, false],
    [{ resource: id }, "GET", `${servers}/${id}`, {}, true],
    [{ resource: id }, "GET", `${servers}/1`, {}, false],
    [{ project: "2".repeat(32) }, "POST", servers, {}, true],
    [{ project: "1".repeat(32) }, "POST", servers, {}, false],
    [{ project: "1".repeat(32) }, "POST", servers, { "x-auth-token": "admin" }, true],
    [{ header: "x-test: retry" }, "POST", servers, { "X-Test": "retry" }, true],
    [{ header: "x-test: *" }, "POST", servers, {}, false],
    [{}, "POST", servers, { "x-micronova-faults": "off" }, false],
    [{}, "POST", "/operations/v1/things", {}, false],
  ];
  for (const [match, method, path, headers, isHit] of cases) {
    const { ask } = await aCloud({ ...answer(503), match });
    const { status, headers: told } = await ask(method, path, headers);

    assert.equal(status === 503, isHit, JSON.stringify([match, method, path]));
    assert.deepEqual([told.get("x-micronova-faults"), told.has("x-micronova-fault")], ["on", isHit]);
  }
});

test("the same requests have the same ids and leave the same log, whatever comes between", async () => {
  const half = { ...answer(500), match: { method: "POST" }, when: { probability: 0.5 } };
  const run = async (reads: number) => {
    const { ask, faults } = await aCloud(half);
    for (let n = 0; n < 20; n++) {
      await ask("POST", servers);
      for (let read = 0; read < reads; read++) await ask("GET", `${servers}/1`);
    }
    return faults.log(100);
  };

  const log = await run(0);

  assert.ok(log.length > 3 && log.length < 17, `${log.length} of 20`);
  assert.deepEqual(await run(2), log);
});
