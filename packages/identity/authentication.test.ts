import assert from "node:assert/strict";
import { test } from "node:test";
import { adminScope, demoScope, type TestIdentity, testIdentity } from "./testing.ts";

const refused = {
  error: { code: 401, message: "The request you have made requires authentication.", title: "Unauthorized" },
};

/** The id of the one entity of that name. */
async function idOf(cloud: TestIdentity, token: string, collection: string, name: string): Promise<string> {
  const answer = await cloud.call(token, "GET", `/v3/${collection}?name=${name}`);
  // The shape of a list is what other tests are about.
  return (answer.body as Record<string, { id: string }[]>)[collection]![0]!.id;
}

function rescope(token: string, scope: unknown) {
  return { auth: { identity: { methods: ["token"], token: { id: token } }, scope } };
}

test("a password opens a token that says user, project and roles", async () => {
  const cloud = await testIdentity();

  const answer = await cloud.logIn("admin", "apple", adminScope);

  assert.equal(answer.status, 201);
  const token = answer.headers["x-subject-token"]!;
  assert.ok(token.length < 500, `${token.length} characters`);
  const context = await cloud.tokens.authenticate(token);
  assert.equal(context?.userName, "admin");
  assert.equal(context?.projectId, cloud.adminProjectId);
  assert.equal(context?.isAdmin, true);
  assert.deepEqual(context?.roles, ["admin", "manager", "member", "reader"]);
});

test("a member gets the member's roles, and no others", async () => {
  const cloud = await testIdentity();

  const token = await cloud.tokenOf("demo", "pear", demoScope);

  const context = await cloud.tokens.authenticate(token);
  assert.deepEqual(context?.roles, ["member", "reader"]);
  assert.equal(context?.isAdmin, false);
});

test("whatever is wrong with a log-in, the answer is the same", async () => {
  const cloud = await testIdentity();
  const cases: [string, string, unknown][] = [
    ["admin", "wrong", adminScope],
    ["nobody", "apple", adminScope],
    ["demo", "pear", adminScope],
    ["demo", "pear", { project: { name: "none", domain: { id: "default" } } }],
    ["demo", "pear", { project: { id: "0".repeat(32) } }],
    ["demo", "pear", { project: { name: "demo", domain: { id: "elsewhere" } } }],
    ["demo", "pear", { domain: { id: "default" } }],
    ["demo", "pear", { system: { all: true } }],
  ];

  for (const [user, password, scope] of cases) {
    const answer = await cloud.logIn(user, password, scope);
    assert.equal(answer.status, 401, JSON.stringify({ user, scope }));
    assert.deepEqual(answer.body, refused);
  }
});

test("a user without a scope or a default project gets an unscoped token", async () => {
  const cloud = await testIdentity();

  const answer = await cloud.logIn("demo", "pear");

  const { token } = answer.body as { token: Record<string, unknown> };
  assert.equal("project" in token || "roles" in token || "catalog" in token, false);
});

test("a token is exchanged for one of another scope, which lives no longer", async () => {
  const cloud = await testIdentity();
  const unscoped = await cloud.tokenOf("admin", "apple", "unscoped");
  await cloud.platform.clock.advance(60_000);

  const answer = await cloud.call(
    null,
    "POST",
    "/v3/auth/tokens",
    rescope(unscoped, { system: { all: true } }),
  );

  const { token } = answer.body as { token: { audit_ids: string[]; expires_at: string; system: unknown } };
  assert.deepEqual(token.system, { all: true });
  assert.equal(token.audit_ids.length, 2);
  assert.equal(token.expires_at, "2026-01-01T01:00:00.000000Z");
});

test("an expired token is refused", async () => {
  const cloud = await testIdentity();
  const token = await cloud.tokenOf("demo", "pear", demoScope);

  await cloud.platform.clock.advance(3_600_000 - 1);
  assert.equal((await cloud.call(token, "GET", "/v3/auth/projects")).status, 200);
  await cloud.platform.clock.advance(1);

  assert.equal((await cloud.call(token, "GET", "/v3/auth/projects")).status, 401);
  assert.equal((await cloud.call(null, "POST", "/v3/auth/tokens", rescope(token, demoScope))).status, 401);
});

test("a forged token is refused", async () => {
  const cloud = await testIdentity();
  const token = await cloud.tokenOf("demo", "pear", demoScope);
  const [header, payload, signature] = token.split(".");
  const text = Buffer.from(payload!, "base64url").toString();
  const raised = Buffer.from(text.replace('"member","reader"', '"admin"')).toString("base64url");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const forged = [
    `${header}.${raised}.${signature}`,
    `${none}.${payload}.`,
    `${header}.${payload}.${signature!.slice(0, -2)}AA`,
    `${header}.${payload}`,
    "gAAAAABforged",
    "x".repeat(5_000),
  ];

  for (const one of forged) assert.equal(await cloud.tokens.authenticate(one), null, one.slice(0, 40));
});

test("a revoked token ends at once, others of the user go on", async () => {
  const cloud = await testIdentity();
  const first = await cloud.tokenOf("demo", "pear", demoScope);
  const second = await cloud.tokenOf("demo", "pear", demoScope);

  assert.equal((await cloud.call(first, "DELETE", "/v3/auth/tokens")).status, 204);

  assert.equal((await cloud.call(first, "GET", "/v3/auth/projects")).status, 401);
  assert.equal((await cloud.call(second, "GET", "/v3/auth/projects")).status, 200);
});

/** Each change of a cloud that must end demo's tokens at once. */
const endings: Record<string, (cloud: TestIdentity, admin: string) => Promise<unknown>> = {
  "disabling the user": async (cloud, admin) =>
    cloud.call(admin, "PATCH", `/v3/users/${await idOf(cloud, admin, "users", "demo")}`, {
      user: { enabled: false },
    }),
  "deleting the user": async (cloud, admin) =>
    cloud.call(admin, "DELETE", `/v3/users/${await idOf(cloud, admin, "users", "demo")}`),
  "a new password": async (cloud, admin) =>
    cloud.call(admin, "PATCH", `/v3/users/${await idOf(cloud, admin, "users", "demo")}`, {
      user: { password: "plum" },
    }),
  "the user's own new password": async (cloud, admin) =>
    cloud.call(null, "POST", `/v3/users/${await idOf(cloud, admin, "users", "demo")}/password`, {
      user: { original_password: "pear", password: "plum" },
    }),
  "disabling the project": (cloud, admin) =>
    cloud.call(admin, "PATCH", `/v3/projects/${cloud.demoProjectId}`, { project: { enabled: false } }),
  "deleting the project": (cloud, admin) =>
    cloud.call(admin, "DELETE", `/v3/projects/${cloud.demoProjectId}`),
  "taking the role back": async (cloud, admin) => {
    const user = await idOf(cloud, admin, "users", "demo");
    const role = await idOf(cloud, admin, "roles", "member");
    return cloud.call(admin, "DELETE", `/v3/projects/${cloud.demoProjectId}/users/${user}/roles/${role}`);
  },
};

for (const [change, make] of Object.entries(endings)) {
  test(`${change} ends the user's tokens on the project at once, and nobody else's`, async () => {
    const cloud = await testIdentity();
    const admin = await cloud.tokenOf("admin", "apple", adminScope);
    const token = await cloud.tokenOf("demo", "pear", demoScope);
    assert.notEqual(await cloud.tokens.authenticate(token), null);

    await make(cloud, admin);

    assert.equal(await cloud.tokens.authenticate(token), null);
    assert.notEqual(await cloud.tokens.authenticate(admin), null);
  });
}

test("a disabled domain lets nobody in, and its tokens end", async () => {
  const cloud = await testIdentity();
  const admin = await cloud.tokenOf("admin", "apple", adminScope);
  const made = await cloud.call(admin, "POST", "/v3/domains", { domain: { name: "acme" } });
  const { domain } = made.body as { domain: { id: string } };
  await cloud.call(admin, "POST", "/v3/users", {
    user: { name: "ann", domain_id: domain.id, password: "fig" },
  });
  const who = { name: "ann", domain: { name: "acme" }, password: "fig" };
  const auth = { identity: { methods: ["password"], password: { user: who } } };
  const token = (await cloud.call(null, "POST", "/v3/auth/tokens", { auth })).headers["x-subject-token"]!;

  await cloud.call(admin, "PATCH", `/v3/domains/${domain.id}`, { domain: { enabled: false } });

  assert.equal(await cloud.tokens.authenticate(token), null);
  assert.equal((await cloud.call(null, "POST", "/v3/auth/tokens", { auth })).status, 401);
});

test("the same name in another domain is another user", async () => {
  const cloud = await testIdentity();
  const admin = await cloud.tokenOf("admin", "apple", adminScope);
  await cloud.call(admin, "POST", "/v3/domains", { domain: { name: "acme" } });
  const who = { name: "admin", domain: { name: "acme" }, password: "apple" };
  const auth = { identity: { methods: ["password"], password: { user: who } }, scope: adminScope };

  assert.equal((await cloud.call(null, "POST", "/v3/auth/tokens", { auth })).status, 401);
});

test("revocations outlive a restart", async () => {
  const cloud = await testIdentity();
  const token = await cloud.tokenOf("demo", "pear", demoScope);
  await cloud.call(token, "DELETE", "/v3/auth/tokens");
  const { tokens } = await import("./tokens.ts");

  const restarted = tokens({ platform: cloud.platform, store: cloud.store });

  assert.equal(await restarted.authenticate(token), null);
  const fresh = await cloud.tokenOf("demo", "pear", demoScope);
  assert.notEqual(await restarted.authenticate(fresh), null);
});

test("an application credential opens its project and no other, until it is deleted", async () => {
  const cloud = await testIdentity();
  const token = await cloud.tokenOf("demo", "pear", demoScope);
  const admin = await cloud.tokenOf("admin", "apple", adminScope);
  const user = await idOf(cloud, admin, "users", "demo");
  const path = `/v3/users/${user}/application_credentials`;
  const made = await cloud.call(token, "POST", path, {
    application_credential: { name: "ci", roles: [{ name: "reader" }] },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { application_credential: credential } = made.body as {
    application_credential: { id: string; secret: string };
  };

  const { id, secret } = credential;
  const identity = { methods: ["application_credential"], application_credential: { id, secret } };
  const answer = await cloud.call(null, "POST", "/v3/auth/tokens", { auth: { identity } });

  const opened = answer.headers["x-subject-token"]!;
  assert.deepEqual((await cloud.tokens.authenticate(opened))?.roles, ["reader"]);
  const again = await cloud.call(opened, "POST", path, { application_credential: { name: "more" } });
  assert.equal(again.status, 403);
  await cloud.call(token, "DELETE", `${path}/${id}`);
  assert.equal(await cloud.tokens.authenticate(opened), null);
});
