// The pieces that services use by themselves: paths, views, paging, and the comparer of shapes.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AnyRoute,
  always,
  eitherVersion,
  nextLinks,
  render,
  schemaAt,
  since,
  sinceField,
  Type,
  until,
  untilField,
  versioned,
} from "./index.ts";
import { router } from "./router.ts";
import { sameShape, testContext } from "./testing.ts";
import { covers } from "./versions.ts";
import { repr } from "./wording.ts";

const at = (version: string) => ({ context: testContext(), baseUrl: "http://x", version, may: () => true });

test("2.9 comes before 2.10, and both ends of a span are in it", () => {
  assert.ok(covers({ since: "2.9", until: "2.10" }, "2.10"));
  assert.ok(!covers({ since: "2.10" }, "2.9"));
  assert.ok(!covers({ until: "2.9" }, "2.10"));
});

test("a view shows each field in the meaning of its version", () => {
  const view = {
    id: always((from: { id: string }) => from.id),
    flavor: [untilField("2.46", () => "link"), sinceField("2.47", () => "embedded")],
    host: { ...always(() => "h1"), adminOnly: true },
    gone: always(() => undefined),
  };

  assert.deepEqual(render(view, { id: "a" }, at("2.46")), { id: "a", flavor: "link" });
  assert.deepEqual(render(view, { id: "a" }, at("2.47")), { id: "a", flavor: "embedded" });
});

test("a field with two meanings at one version is a mistake", () => {
  const view = { flavor: [untilField("2.47", () => "a"), sinceField("2.47", () => "b")] };

  assert.throws(() => render(view, {}, at("2.1")), /flavor has two meanings/);
});

test("a schema at a version has no trace of other versions", () => {
  const schema = Type.Object({
    name: Type.String(),
    tags: versioned(since("2.26"), Type.Array(Type.String())),
    note: Type.Optional(versioned(until("2.5"), Type.String())),
    networks: Type.Array(eitherVersion([until("2.36"), Type.String()], [since("2.37"), Type.Integer()])),
  });

  const string = { type: "string" };
  assert.deepEqual(schemaAt(schema, "2.1"), {
    type: "object",
    required: ["name", "networks"],
    properties: { name: string, note: string, networks: { type: "array", items: string } },
  });
  assert.deepEqual(schemaAt(schema, "2.37"), {
    type: "object",
    required: ["name", "tags", "networks"],
    properties: {
      name: string,
      tags: { type: "array", items: string },
      networks: { type: "array", items: { type: "integer" } },
    },
  });
});

test("fixed segments are preferred to parameters, but only where they lead somewhere", () => {
  const aRoute = (method: "GET" | "PUT", path: string): AnyRoute<object> => ({
    method,
    path,
    policy: null,
    success: 200,
    summary: path,
    handle: async () => null,
  });
  const found = router([
    aRoute("GET", "/servers/detail"),
    aRoute("GET", "/servers/:id"),
    aRoute("GET", "/servers/:server_id/ips/:network"),
    aRoute("PUT", "/servers/:id"),
    aRoute("GET", "/files/*"),
    aRoute("GET", "/"),
  ]);
  const find = (method: string, path: string) => {
    const match = found.find(method, path);
    return match === null || "allowed" in match ? match : [match.routes[0]?.path, { ...match.params }];
  };

  assert.deepEqual(find("GET", "/servers/detail"), ["/servers/detail", {}]);
  assert.deepEqual(find("GET", "/servers/a%2Fb/"), ["/servers/:id", { id: "a/b" }]);
  assert.deepEqual(find("PUT", "/servers/detail"), ["/servers/:id", { id: "detail" }]);
  const params = { server_id: "detail", network: "n" };
  assert.deepEqual(find("GET", "/servers/detail/ips/n"), ["/servers/:server_id/ips/:network", params]);
  assert.deepEqual(find("GET", "/files/a/b"), ["/files/*", { "*": "a/b" }]);
  assert.deepEqual(find("GET", ""), ["/", {}]);
  assert.deepEqual(find("PUT", "/servers/x/ips/y"), { allowed: ["GET"] });
  assert.equal(find("GET", "/servers/%zz"), null);
  assert.equal(find("GET", "/servers//"), null);
});

test("a full page links to the next, with what was asked", () => {
  const request = { url: "/compute/v2.1/servers?status=ACTIVE&marker=x&limit=2", origin: "http://h:1" };
  const links = (ids: readonly string[]) =>
    nextLinks(request, { key: "servers_links", page: { limit: 2, marker: "x" }, ids });

  const href = "http://h:1/compute/v2.1/servers?status=ACTIVE&marker=b&limit=2";
  assert.deepEqual(links(["a", "b"]), { servers_links: [{ rel: "next", href }] });
  assert.deepEqual(links(["a"]), {});
});

test("values read as Python shows them", () => {
  assert.equal(repr({ a: [1, true, null, "it's"] }), `{'a': [1, True, None, "it's"]}`);
  assert.equal(repr("a\n'\""), `'a\\n\\'"'`);
});

test("shapes differ by keys, nesting and types, and null stands for anything", () => {
  const sample = { server: { id: "x", tags: ["a"], meta: {}, n: 1, fault: null } };

  assert.deepEqual(
    sameShape({ server: { id: null, tags: [], meta: { a: 1 }, n: 2, fault: {} } }, sample),
    [],
  );
  assert.deepEqual(sameShape({ server: { id: 1, tags: [1], meta: "", x: 0, fault: {} } }, sample), [
    "server.n: is missing",
    "server.x: is not in the sample",
    "server.id: is number, sample has string",
    "server.tags[0]: is number, sample has string",
    "server.meta: is string, sample has object",
  ]);
  assert.deepEqual(sameShape({ a: 1 }, { b: 1 }, { except: ["a", "b"] }), []);
});
