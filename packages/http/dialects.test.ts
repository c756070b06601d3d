// Each dialect's form of the same faults.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import {
  type Dialect,
  glanceDialect,
  keystoneDialect,
  neutronDialect,
  novaDialect,
  placementDialect,
  routesOf,
  service,
  Type,
} from "./index.ts";
import { testAuthenticator, testServer } from "./testing.ts";

const route = routesOf<object>();
const routes = [
  route({
    method: "POST",
    path: "/things",
    policy: "create_thing",
    body: Type.Object({ thing: Type.Object({ name: Type.String() }, { additionalProperties: false }) }),
    success: 201,
    summary: "Makes a thing.",
    handle: async () => ({}),
  }),
];

interface Case {
  readonly dialect: Dialect;
  readonly denied: unknown;
  readonly unknown: RegExp;
  readonly wrongMethod: number;
  readonly malformed: RegExp;
  readonly invalid: RegExp;
}
const cases: Readonly<Record<string, Case>> = {
  nova: {
    dialect: novaDialect,
    denied: { forbidden: { code: 403, message: "Policy doesn't allow create_thing to be performed." } },
    unknown: /"code":"404 Not Found","title":"Not Found"/,
    wrongMethod: 404,
    malformed: /"badRequest":\{"code":400,"message":"Malformed request body"\}/,
    invalid: /Invalid input for field\/attribute name\. Value: 1\. 1 is not of type 'string'/,
  },
  keystone: {
    dialect: keystoneDialect,
    denied: {
      error: {
        code: 403,
        message: "You are not authorized to perform the requested action: create_thing.",
        title: "Forbidden",
      },
    },
    unknown: /"error":\{"code":404,"message":"The resource could not be found\.","title":"Not Found"\}/,
    wrongMethod: 405,
    malformed: /Expecting to find valid JSON in request body/,
    invalid: /Invalid input for field 'thing\/name': 1 is not of type 'string'/,
  },
  glance: {
    dialect: glanceDialect,
    denied: {
      message: "You are not authorized to complete create_thing action.<br /><br />\n\n\n",
      code: "403 Forbidden",
      title: "Forbidden",
    },
    unknown: /"code":"404 Not Found"/,
    wrongMethod: 405,
    malformed: /Malformed JSON in request body/,
    invalid: /Provided object does not match schema 'image': 1 is not of type 'string'/,
  },
  neutron: {
    dialect: neutronDialect,
    denied: {
      NeutronError: {
        type: "PolicyNotAuthorized",
        message: "(rule:create_thing) is disallowed by policy",
        detail: "",
      },
    },
    unknown: /"NeutronError":\{"type":"HTTPNotFound","message":"The resource could not be found\."/,
    wrongMethod: 405,
    malformed: /"type":"HTTPBadRequest"/,
    invalid: /Invalid input for name\. Reason: 1 is not of type 'string'\./,
  },
  placement: {
    dialect: placementDialect,
    denied: undefined,
    unknown: /"status":404,"title":"Not Found","detail":"The resource could not be found\."/,
    wrongMethod: 405,
    malformed: /Malformed JSON/,
    invalid: /JSON does not validate: 1 is not of type 'string'/,
  },
};

for (const [name, { dialect, ...wanted }] of Object.entries(cases)) {
  test(`${name}'s errors have ${name}'s form`, async () => {
    const authenticator = testAuthenticator();
    const policies = { create_thing: "admin" } as const;
    const things = service<object>({ name, routes, deps: {}, policies, dialect, authenticator });
    const { call } = testServer(testPlatform(), { "/x": things });
    const post = (token: string, body: unknown) => call(token, "POST", "/x/things", { body });

    const denied = await post("member", {});
    assert.equal(denied.status, 403);
    if (wanted.denied !== undefined) assert.deepEqual(denied.body, wanted.denied);
    assert.match(JSON.stringify((await call("admin", "GET", "/x/none")).body), wanted.unknown);
    const wrong = await call("admin", "PUT", "/x/things");
    assert.equal(wrong.status, wanted.wrongMethod);
    assert.equal(wrong.headers["allow"], wrong.status === 405 ? "POST" : undefined);
    assert.match(JSON.stringify((await post("admin", "{")).body), wanted.malformed);
    assert.match(JSON.stringify((await post("admin", { thing: { name: 1 } })).body), wanted.invalid);
    const challenge = (await call(null, "POST", "/x/things")).headers["www-authenticate"];
    assert.equal(challenge, 'Keystone uri="http://127.0.0.1:8774/identity"');
  });
}

test("glance's errors are pages for those who do not ask for JSON", async () => {
  const authenticator = testAuthenticator();
  const options = { name: "image", routes: [], deps: {}, policies: {}, authenticator };
  const { call } = testServer(testPlatform(), { "/x": service({ ...options, dialect: glanceDialect }) });

  const answer = await call(null, "GET", "/x/none", { headers: { accept: "*/*" } });

  assert.match(answer.headers["content-type"]!, /^text\/html/);
  assert.match(String(answer.body), /<title>404 Not Found<\/title>/);
});
