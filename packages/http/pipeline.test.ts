// One service with every kind of route, asked as clients ask.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { errorTable } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import fc from "fast-check";
import {
  actionRoute,
  actionsOf,
  always,
  eitherVersion,
  type History,
  novaDialect,
  pageOf,
  reply,
  routesOf,
  service,
  since,
  sinceField,
  Type,
  until,
  versioned,
} from "./index.ts";
import { testAuthenticator, testContext, testServer } from "./testing.ts";

interface Deps {
  readonly things: Map<string, string>;
}
const errors = errorTable("test", {
  thingNotFound: { status: 404, text: (id: string) => `Thing ${id} could not be found.` },
  thingBusy: { status: 409, text: () => "The thing is busy." },
  secret: { status: 500, text: () => "mysql://root:secret@db" },
});
const history: History = {
  serviceType: "compute",
  legacyHeader: "X-OpenStack-Nova-API-Version",
  min: "2.1",
  max: "2.104",
  changes: { "2.19": "Things have descriptions." },
};
const route = routesOf<Deps>();
const action = actionsOf<Deps>();
const thingView = {
  id: always((thing: { id: string }) => thing.id),
  description: sinceField("2.19", () => "said"),
};
const createBody = Type.Object(
  {
    thing: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 255 }),
        size: Type.Optional(Type.Integer({ minimum: 1 })),
        description: versioned(since("2.19"), Type.Optional(Type.Union([Type.String(), Type.Null()]))),
        networks: Type.Optional(
          eitherVersion(
            [until("2.36"), Type.Array(Type.String())],
            [since("2.37"), Type.Union([Type.Literal("auto"), Type.Literal("none")])],
          ),
        ),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

const routes = [
  route({
    method: "GET",
    path: "/",
    policy: null,
    success: 200,
    summary: "Shows the version.",
    handle: async ({ baseUrl }) => ({ href: `${baseUrl}/` }),
  }),
  route({
    method: "GET",
    path: "/things",
    policy: "things:index",
    query: Type.Object(
      { name: Type.Optional(Type.String()), sort_key: Type.Optional(Type.Array(Type.String())) },
      { additionalProperties: Type.String() },
    ),
    success: 200,
    summary: "Lists things.",
    handle: async (request) => ({ query: request.query, page: pageOf(request, { max: 10 }) }),
  }),
  route({
    method: "GET",
    path: "/things/:thing_id",
    policy: "things:show",
    success: 200,
    summary: "Shows a thing.",
    async handle(request, { things }) {
      const id = request.params["thing_id"]!;
      if (id === "broken") throw new Error("password=hunter2");
      if (id === "secret") throw errors.secret();
      if (!things.has(id)) throw errors.thingNotFound(id);
      return { thing: request.render(thingView, { id }), base: request.baseUrl };
    },
  }),
  route({
    method: "POST",
    path: "/things",
    policy: "things:create",
    body: createBody,
    success: 202,
    summary: "Makes a thing.",
    handle: async ({ body, does }) => ({ got: body.thing, new: does(since("2.19")) }),
  }),
  route({
    method: "DELETE",
    path: "/things/:id",
    policy: "things:delete",
    success: 204,
    summary: "Deletes a thing.",
    handle: async () => undefined,
  }),
  route({
    method: "GET",
    path: "/new",
    policy: "things:show",
    since: "2.50",
    success: 200,
    summary: "Is new.",
    handle: async () => ({}),
  }),
  route({
    method: "PUT",
    path: "/things/:id/file",
    policy: "things:create",
    body: "stream",
    success: 204,
    summary: "Takes bytes.",
    async handle({ stream }) {
      const size = Buffer.concat(await stream.toArray()).length;
      return reply({
        headers: { "X-Size": String(size) },
        body: Readable.from([Buffer.from("by"), Buffer.from("tes")]),
        status: 200,
      });
    },
  }),
  actionRoute<Deps>({
    path: "/things/:id/action",
    actions: [
      action({
        name: "os-start",
        policy: "things:create",
        schema: Type.Null(),
        success: 202,
        summary: "Starts.",
        handle: async () => undefined,
      }),
      action({
        name: "resize",
        policy: "things:admin",
        schema: Type.Object({ flavorRef: Type.String() }, { additionalProperties: false }),
        success: 202,
        summary: "Resizes.",
        handle: async ({ body, params }) => ({ to: body.flavorRef, of: params["id"] }),
      }),
      action({
        name: "late",
        policy: "things:create",
        since: "2.90",
        schema: Type.Null(),
        success: 202,
        summary: "Is new.",
        handle: async () => undefined,
      }),
    ],
  }),
];

function aService() {
  const platform = testPlatform();
  const things = new Map([["t1", "one"]]);
  const compute = service<Deps>({
    name: "compute",
    routes,
    deps: { things },
    policies: {
      "things:index": "reader",
      "things:show": "reader",
      "things:create": "member",
      "things:delete": "admin",
      "things:admin": "admin",
    },
    dialect: novaDialect,
    authenticator: testAuthenticator({ nobody: testContext({ roles: [] }) }),
    history,
    projectInPath: true,
  });
  return { ...testServer(platform, { "/compute/v2.1": compute }), compute };
}

const at = (version: string) => ({ "OpenStack-API-Version": `compute ${version}` });

test("an open route needs no token and answers with ids and versions", async () => {
  const answer = await aService().call(null, "GET", "/compute/v2.1/");

  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { href: "http://127.0.0.1:8774/compute/v2.1/" });
  assert.match(answer.headers["x-openstack-request-id"]!, /^req-[0-9a-f-]{36}$/);
  assert.equal(answer.headers["x-compute-request-id"], answer.headers["x-openstack-request-id"]);
  assert.equal(answer.headers["openstack-api-version"], "compute 2.1");
  assert.equal(answer.headers["x-openstack-nova-api-version"], "2.1");
  assert.match(answer.headers["vary"]!, /OpenStack-API-Version.*X-OpenStack-Nova-API-Version/);
});

test("no token and a wrong token are refused in the middleware's words", async () => {
  const { call } = aService();
  for (const token of [null, "forged"]) {
    const answer = await call(token, "GET", "/compute/v2.1/things/t1");
    assert.equal(answer.status, 401);
    assert.equal(answer.headers["www-authenticate"], 'Keystone uri="http://127.0.0.1:8774/identity"');
    const message = "The request you have made requires authentication.";
    assert.deepEqual(answer.body, { error: { code: 401, title: "Unauthorized", message } });
  }
});

test("policy refuses with the rule's name", async () => {
  const { call } = aService();

  const refused = await call("member", "DELETE", "/compute/v2.1/things/t1");
  const granted = await call("admin", "DELETE", "/compute/v2.1/things/t1");

  const message = "Policy doesn't allow things:delete to be performed.";
  assert.deepEqual(refused.body, { forbidden: { code: 403, message } });
  assert.deepEqual([refused.status, granted.status, granted.body], [403, 204, null]);
  assert.equal((await call("nobody", "GET", "/compute/v2.1/things")).status, 403);
});

test("versions are negotiated by either header", async () => {
  const { call } = aService();
  const show = (headers: Record<string, string>) =>
    call("member", "GET", "/compute/v2.1/things/t1", { headers });

  assert.deepEqual((await show({})).body, {
    thing: { id: "t1" },
    base: "http://127.0.0.1:8774/compute/v2.1",
  });
  const latest = await show(at("latest"));
  assert.equal(latest.headers["openstack-api-version"], "compute 2.104");
  assert.match(JSON.stringify(latest.body), /said/);
  assert.match(JSON.stringify((await show({ "X-OpenStack-Nova-API-Version": "2.19" })).body), /said/);
  assert.doesNotMatch(JSON.stringify((await show({ "OpenStack-API-Version": "volume 3.44" })).body), /said/);

  const message = "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.104.";
  const refused = await show(at("2.999"));
  assert.equal(refused.status, 406);
  assert.deepEqual(refused.body, { computeFault: { code: 406, message } });
  assert.equal((await show(at("two"))).status, 400);
});

test("routes of other versions, other paths and other methods are not there", async () => {
  const { call } = aService();

  assert.equal((await call("member", "GET", "/compute/v2.1/new")).status, 404);
  assert.equal((await call("member", "GET", "/compute/v2.1/new", { headers: at("2.50") })).status, 200);
  const unknown = await call(null, "GET", "/compute/v2.1/nothing");
  assert.equal(unknown.status, 404);
  assert.match(JSON.stringify(unknown.body), /The resource could not be found/);
  assert.equal((await call("member", "PATCH", "/compute/v2.1/things")).status, 404);
  assert.equal((await call(null, "GET", "/elsewhere")).status, 404);
});

const refusals: readonly (readonly [body: unknown, version: string, message: string])[] = [
  [{ thing: {} }, "2.1", "'name' is a required property"],
  [{ thing: { name: "" } }, "2.1", "Invalid input for field/attribute name. Value: . '' is too short"],
  [
    { thing: { name: 1 } },
    "2.1",
    "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string'",
  ],
  [
    { thing: { name: "a", x: 1 } },
    "2.1",
    "Invalid input for field/attribute thing. Value: {'name': 'a', 'x': 1}. Additional properties are not allowed ('x' was unexpected)",
  ],
  [
    { thing: { name: "a" }, y: null, z: 1 },
    "2.1",
    "Additional properties are not allowed ('y', 'z' were unexpected)",
  ],
  [{ thing: { name: "a", size: 0 } }, "2.1", "0 is less than the minimum of 1"],
  [{ thing: { name: "a", description: "d" } }, "2.18", "('description' was unexpected)"],
  [{ thing: { name: "a", description: 3 } }, "2.19", "3 is not of type 'string', 'null'"],
  [{ thing: { name: "a", networks: "auto" } }, "2.36", "'auto' is not of type 'array'"],
  [{ thing: { name: "a", networks: "all" } }, "2.37", "'all' is not one of ['auto', 'none']"],
];

test("bodies are held against the schema of their version, in Python's words", async () => {
  const { call } = aService();
  for (const [body, version, message] of refusals) {
    const answer = await call("member", "POST", "/compute/v2.1/things", { body, headers: at(version) });
    assert.equal(answer.status, 400, message);
    assert.ok(
      JSON.stringify(answer.body).includes(JSON.stringify(message).slice(1, -1)),
      JSON.stringify(answer.body),
    );
  }
  const missing = await call("member", "POST", "/compute/v2.1/things", { body: { thing: {} } });
  const text = "Invalid input for field/attribute thing. Value: {}. 'name' is a required property";
  assert.deepEqual(missing.body, { badRequest: { code: 400, message: text } });

  const body = { thing: { name: "a", description: null, networks: "auto" } };
  const good = await call("member", "POST", "/compute/v2.1/things", { body, headers: at("2.37") });
  assert.deepEqual([good.status, good.body], [202, { got: body.thing, new: true }]);
});

test("bodies that are no JSON, too large or of another type are refused in the dialect", async () => {
  const { call } = aService();
  const post = (body: unknown, headers = {}) =>
    call("member", "POST", "/compute/v2.1/things", { body, headers });

  const malformed = await post("{nonsense");
  assert.deepEqual(malformed.body, { badRequest: { code: 400, message: "Malformed request body" } });
  assert.equal((await post("")).status, 400);
  const large = await post({ thing: { name: "x".repeat(200_000) } });
  assert.deepEqual(large.body, {
    overLimit: { code: 413, message: "Request is too large.", retryAfter: "0" },
  });
  assert.equal((await post("a=b", { "content-type": "application/x-www-form-urlencoded" })).status, 415);
});

test("queries are checked; repeated keys are lists", async () => {
  const { call } = aService();
  const list = (query: string) => call("member", "GET", `/compute/v2.1/things?${query}`);

  const good = await list("name=a%20b&sort_key=x&limit=3&marker=m");
  assert.deepEqual(good.body, {
    query: { name: "a b", sort_key: ["x"], limit: "3", marker: "m" },
    page: { limit: 3, marker: "m" },
  });
  assert.equal((await list("limit=99")).status, 200);
  assert.equal((await list("limit=-1")).status, 400);
  const twice = await list("name=a&name=b");
  assert.equal(twice.status, 400);
  assert.match(JSON.stringify(twice.body), /Invalid input for query parameters name/);
});

test("an action is chosen by the body's one key, with its own schema, policy and versions", async () => {
  const { call } = aService();
  const act = (token: string, body: unknown, headers = {}) =>
    call(token, "POST", "/compute/v2.1/things/t1/action", { body, headers });

  assert.equal((await act("member", { "os-start": null })).status, 202);
  assert.deepEqual((await act("admin", { resize: { flavorRef: "2" } })).body, { to: "2", of: "t1" });
  const denied = await act("member", { resize: { flavorRef: "2" } });
  assert.match(JSON.stringify(denied.body), /Policy doesn't allow things:admin to be performed/);
  assert.match(
    JSON.stringify((await act("admin", { resize: {} })).body),
    /'flavorRef' is a required property/,
  );
  const unknown = await act("member", { dance: null });
  assert.deepEqual(unknown.body, { badRequest: { code: 400, message: "There is no such action: dance." } });
  assert.equal((await act("member", { late: null })).status, 404);
  assert.equal((await act("member", { late: null }, at("2.90"))).status, 202);
  assert.equal((await act("member", { "os-start": null, resize: {} })).status, 400);
  assert.equal((await act("member", [])).status, 400);
});

test("faults are told; what must not happen is logged and not told", async () => {
  const { call } = aService();

  const missing = await call("member", "GET", "/compute/v2.1/things/none");
  assert.deepEqual(missing.body, { itemNotFound: { code: 404, message: "Thing none could not be found." } });
  for (const id of ["broken", "secret"]) {
    const answer = await call("member", "GET", `/compute/v2.1/things/${id}`);
    assert.equal(answer.status, 500);
    assert.doesNotMatch(JSON.stringify(answer.body), /hunter2|mysql/);
    assert.ok(JSON.stringify(answer.body).includes(answer.headers["x-openstack-request-id"]!));
  }
});

test("a project's id in the path must be the token's, and stays in links", async () => {
  const { call } = aService();
  const own = "2".repeat(32);

  const answer = await call("member", "GET", `/compute/v2.1/${own}/things/t1`);
  assert.deepEqual(answer.body, { thing: { id: "t1" }, base: `http://127.0.0.1:8774/compute/v2.1/${own}` });
  assert.equal((await call("member", "GET", `/compute/v2.1/${"3".repeat(32)}/things/t1`)).status, 400);
});

test("bytes are streamed in and out", async () => {
  const answer = await aService().call("member", "PUT", "/compute/v2.1/things/t1/file", {
    body: Buffer.alloc(300_000),
  });

  assert.deepEqual([answer.status, answer.headers["x-size"], answer.body], [200, "300000", "bytes"]);
});

test("addresses are those the client used, through a proxy too", async () => {
  const headers = { host: "cloud.example:443", "x-forwarded-proto": "https", "x-forwarded-prefix": "/api/" };

  const answer = await aService().call(null, "GET", "/compute/v2.1", { headers });

  assert.deepEqual(answer.body, { href: "https://cloud.example:443/api/compute/v2.1/" });
});

test("HEAD is GET without its body", async () => {
  const answer = await aService().call("member", "HEAD", "/compute/v2.1/things/t1");

  assert.deepEqual([answer.status, answer.body], [200, null]);
});

test("the routes describe themselves as OpenAPI", () => {
  const api = JSON.stringify(aService().compute.openApi());

  assert.match(api, /"\/things\/\{thing_id\}"/);
  assert.match(api, /"flavorRef"/);
});

test("a route whose policy rule is in no table is found at start", () => {
  const orphan = routes[1]!;
  const options = {
    name: "x",
    routes: [orphan],
    deps: { things: new Map() },
    policies: {},
    dialect: novaDialect,
  };
  assert.throws(() => service({ ...options, authenticator: testAuthenticator() }), /in no table/);
});

test("whatever a client sends, the answer is its own fault", async () => {
  const { call } = aService();
  const name = fc.oneof(
    fc.constantFrom("thing", "name", "size", "networks", "__proto__", "os-start"),
    fc.string(),
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(name, tie("json"), { maxKeys: 3 }),
    ),
  }));
  const paths = fc.oneof(
    fc.constantFrom("/things", "/things/t1/action"),
    fc.string().map((text) => `/${text}`),
  );
  const version = fc.oneof(fc.constantFrom("2.1", "2.19", "2.37", "latest"), fc.string());
  const property = fc.asyncProperty(paths, fc.string(), version, json, async (path, query, asked, body) => {
    const headers = { "OpenStack-API-Version": `compute ${asked}` };
    const answer = await call("admin", "POST", `/compute/v2.1${path}?${query}`, { body, headers });
    assert.ok(answer.status < 500, `${answer.status} ${JSON.stringify(answer.body)}`);
  });
  await fc.assert(property, { numRuns: 300 });

  const deep = `{"thing":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
  assert.equal((await call("admin", "POST", "/compute/v2.1/things", { body: deep })).status, 400);
});
