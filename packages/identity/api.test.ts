import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { sameShape } from "@micronova/http/testing";
import { identityInvariants } from "./invariants.ts";
import { adminScope, demoScope, type TestIdentity, testIdentity } from "./testing.ts";

const samples = new URL("../../../shared/api/samples/identity/v3/", import.meta.url);
const skip = existsSync(samples) ? false : "the golden samples are not here";

type Json = Readonly<Record<string, unknown>>;
interface Named {
  readonly id: string;
  readonly email?: string;
}
/** An answer about one thing, and one about several, whatever their kind. */
type Made = Readonly<Record<"user" | "project" | "role" | "group", Named>>;
type Listed = Readonly<Record<"users" | "projects" | "roles", readonly Named[]>>;
type Ask = <T = Json>(method: string, path: string, body?: unknown) => Promise<T>;

/** A cloud and the token of its administrator. */
async function aCloud(): Promise<{ cloud: TestIdentity; ask: Ask }> {
  const cloud = await testIdentity();
  const admin = await cloud.tokenOf("admin", "apple", adminScope);
  return {
    cloud,
    async ask<T>(method: string, path: string, body?: unknown) {
      const answer = await cloud.call(admin, method, path, body);
      assert.ok(answer.status < 400, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      // Tests name the part of the answer they read.
      return (answer.body ?? {}) as T;
    },
  };
}

/**
 * Everything that answers are held against: what is asked, the sample's name, and where we say more or less
 * on purpose.
 */
const golden: readonly (readonly [ask: string, sample: string, except?: readonly string[]])[] = [
  ["GET /", "admin/identity-versions-response"],
  ["GET /v3", "admin/identity-version-response"],
  ["GET /v3/domains/default", "admin/domain-show-response", ["domain.tags"]],
  ["GET /v3/domains", "admin/domains-list-response"],
  ["GET /v3/projects/PROJECT", "admin/project-show-response", ["project.tags"]],
  ["GET /v3/projects", "admin/projects-list-response"],
  ["GET /v3/projects/PROJECT/tags", "admin/project-tags-list-response"],
  ["GET /v3/users/USER", "admin/user-show-response", ["user.default_project_id", "user.options"]],
  ["GET /v3/users", "admin/users-list-response"],
  ["GET /v3/users/USER/projects", "admin/user-projects-list-response"],
  ["GET /v3/users/USER/groups", "admin/user-groups-list-response"],
  ["GET /v3/groups/GROUP", "admin/group-show-response"],
  ["GET /v3/groups", "admin/groups-list-response"],
  [
    "GET /v3/groups/GROUP/users",
    "admin/group-users-list-response",
    ["users[0].description", "users[0].password_expires_at"],
  ],
  ["GET /v3/roles/ROLE", "admin/role-show-response"],
  ["GET /v3/roles", "admin/roles-list-response"],
  ["GET /v3/role_inferences", "admin/role-inferences-response"],
  ["GET /v3/roles/ROLE/implies", "admin/list-implied-roles-for-role-response"],
  ["GET /v3/role_assignments?user.id=USER&scope.domain.id=default", "admin/role-assignments-list-response"],
  ["GET /v3/projects/PROJECT/users/USER/roles", "admin/project-user-roles-list-response"],
  ["GET /v3/domains/default/users/USER/roles", "admin/domain-user-roles-list-response"],
  ["GET /v3/system/users/USER/roles", "admin/list-system-roles-for-user-response"],
  ["GET /v3/services", "admin/services-list-response"],
  ["GET /v3/endpoints", "admin/endpoints-list-response"],
  ["GET /v3/regions/RegionOne", "admin/region-show-response"],
  ["GET /v3/regions", "admin/regions-list-response"],
  ["GET /v3/auth/projects", "admin/get-available-project-scopes-response"],
  ["GET /v3/auth/domains", "admin/get-available-domain-scopes-response"],
  ["GET /v3/auth/system", "admin/get-available-system-scopes-response"],
  ["GET /v3/auth/catalog", "admin/get-service-catalog-response"],
  ["GET /v3/auth/tokens", "auth/responses/project-scoped-password"],
];

// Attributes that the older samples do not show yet.
const newAttributes = "description|domain_id|options|tags|is_domain|parent_id|region_id|federated|email";
const newer = new RegExp(`\\.(?:${newAttributes}): is not in the sample$`);

test("answers have the shape of Keystone's samples", { skip }, async () => {
  const { ask } = await aCloud();
  const ids = await aPopulation(ask);

  for (const [asked, sample, except = []] of golden) {
    const [method, path] = asked.split(" ");
    const named = path!.replaceAll(/USER|PROJECT|GROUP|ROLE/g, (word) => ids[word]!);
    const answer = await ask(method!, named);
    const wanted = JSON.parse(readFileSync(new URL(`${sample}.json`, samples), "utf8"));
    const differences = sameShape(answer, wanted, { except }).filter((line) => !newer.test(line));
    assert.deepEqual(differences, [], asked);
  }
});

/** One of each thing, so that no list is empty. */
async function aPopulation(ask: Ask) {
  const { users } = await ask<Listed>("GET", "/v3/users?name=admin");
  const { projects } = await ask<Listed>("GET", "/v3/projects?name=admin");
  const { roles } = await ask<Listed>("GET", "/v3/roles?name=admin");
  const { group } = await ask<Made>("POST", "/v3/groups", { group: { name: "ops" } });
  const ids: Record<string, string> = {
    USER: users[0]!.id,
    PROJECT: projects[0]!.id,
    ROLE: roles[0]!.id,
    GROUP: group.id,
  };
  await ask("PUT", `/v3/groups/${ids["GROUP"]}/users/${ids["USER"]}`);
  await ask("PUT", `/v3/domains/default/users/${ids["USER"]}/roles/${ids["ROLE"]}`);
  await ask("PUT", `/v3/projects/${ids["PROJECT"]}/tags`, { tags: ["blue"] });
  return ids;
}

test("the catalog has the address the client used, and the project where an endpoint wants it", async () => {
  const cloud = await testIdentity();

  const answer = await cloud.logIn("demo", "pear", demoScope);

  const { token } = answer.body as {
    token: { catalog: { type: string; endpoints: { interface: string; url: string }[] }[] };
  };
  const urls = token.catalog.map(({ type, endpoints }) => [
    type,
    endpoints.find((endpoint) => endpoint.interface === "public")!.url,
  ]);
  const origin = "http://127.0.0.1:8774";
  assert.deepEqual(Object.fromEntries(urls), {
    "block-storage": `${origin}/volume/v3/${cloud.demoProjectId}`,
    compute: `${origin}/compute/v2.1`,
    identity: `${origin}/identity`,
    image: `${origin}/image`,
    network: `${origin}/network`,
    placement: `${origin}/placement`,
    volumev3: `${origin}/volume/v3/${cloud.demoProjectId}`,
  });
});

test("a role given to a group and one inherited from the domain both count", async () => {
  const { cloud, ask } = await aCloud();
  const ids = await aPopulation(ask);
  const { user } = await ask<Made>("POST", "/v3/users", {
    user: { name: "ann", password: "fig" },
  });
  const { roles } = await ask<Listed>("GET", "/v3/roles?name=reader");
  await ask("PUT", `/v3/groups/${ids["GROUP"]}/users/${user.id}`);
  const inherit = `/v3/OS-INHERIT/domains/default/groups/${ids["GROUP"]}/roles/${roles[0]!.id}`;

  await ask("PUT", `${inherit}/inherited_to_projects`);

  const token = await cloud.tokenOf("ann", "fig", demoScope);
  assert.deepEqual((await cloud.tokens.authenticate(token))?.roles, ["reader"]);
  const effective = await ask<{ role_assignments: { role: { name: string }; scope: Json }[] }>(
    "GET",
    `/v3/role_assignments?effective&include_names&user.id=${user.id}`,
  );
  const rows = effective.role_assignments;
  assert.equal(rows.length, 2);
  assert.ok(rows.every((row) => row.role.name === "reader" && "project" in row.scope));

  await ask("DELETE", `/v3/groups/${ids["GROUP"]}/users/${user.id}`);
  assert.equal(await cloud.tokens.authenticate(token), null);
});

test("a member sees itself and its project, and is told which rule keeps the rest from it", async () => {
  const cloud = await testIdentity();
  const token = await cloud.tokenOf("demo", "pear", demoScope);
  const self = (await cloud.tokens.authenticate(token))!.userId;

  const answers = await Promise.all(
    [
      `/v3/users/${self}`,
      `/v3/projects/${cloud.demoProjectId}`,
      `/v3/projects/${cloud.adminProjectId}`,
      "/v3/users",
    ].map((path) => cloud.call(token, "GET", path)),
  );

  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 200, 403, 403],
  );
  assert.deepEqual(answers[3]!.body, {
    error: {
      code: 403,
      message: "You are not authorized to perform the requested action: identity:list_users.",
      title: "Forbidden",
    },
  });
});

test("what is missing, taken or malformed is told in Keystone's words", async () => {
  const { cloud } = await aCloud();
  const admin = await cloud.tokenOf("admin", "apple", adminScope);
  const cases: readonly (readonly [string, string, unknown, number, string])[] = [
    ["GET", "/v3/users/none", undefined, 404, "Could not find user: none."],
    ["GET", "/v3/projects/none", undefined, 404, "Could not find project: none."],
    [
      "POST",
      "/v3/users",
      { user: { name: "demo" } },
      409,
      "Conflict occurred attempting to store user - Duplicate entry found with name demo at domain ID default.",
    ],
    [
      "POST",
      "/v3/users",
      { user: { name: "" } },
      400,
      "Invalid input for field 'user/name': '' is too short",
    ],
    [
      "POST",
      "/v3/projects",
      { project: {} },
      400,
      "Invalid input for field 'project': 'name' is a required property",
    ],
    [
      "DELETE",
      "/v3/domains/default",
      undefined,
      403,
      "Cannot delete a domain that is enabled, please disable it first.",
    ],
  ];

  for (const [method, path, body, status, message] of cases) {
    const answer = await cloud.call(admin, method, path, body);
    assert.equal(answer.status, status, path);
    assert.equal((answer.body as { error: { message: string } }).error.message, message);
  }
});

test("users, projects and roles live and die over the API, and nothing is left behind", async () => {
  const { cloud, ask } = await aCloud();
  const { user } = await ask<Made>("POST", "/v3/users", {
    user: { name: "ann", password: "fig", email: "ann@example.com", description: "Ann" },
  });
  assert.equal(user.email, "ann@example.com");
  const { project } = await ask<Made>("POST", "/v3/projects", { project: { name: "p1" } });
  const { role } = await ask<Made>("POST", "/v3/roles", { role: { name: "auditor" } });
  await ask("PUT", `/v3/projects/${project.id}/users/${user.id}/roles/${role.id}`);
  await ask("HEAD", `/v3/projects/${project.id}/users/${user.id}/roles/${role.id}`);
  const child = { project: { name: "p2", parent_id: project.id } };
  const { project: below } = await ask<Made>("POST", "/v3/projects", child);

  const admin = await cloud.tokenOf("admin", "apple", adminScope);
  assert.equal((await cloud.call(admin, "DELETE", `/v3/projects/${project.id}`)).status, 403);
  await ask("DELETE", `/v3/projects/${below.id}`);
  await ask("DELETE", `/v3/projects/${project.id}`);
  await ask("DELETE", `/v3/users/${user.id}`);
  const again = await cloud.tokenOf("admin", "apple", adminScope);
  assert.equal((await cloud.call(again, "DELETE", `/v3/roles/${role.id}`)).status, 204);

  for (const invariant of identityInvariants) {
    assert.deepEqual(await invariant.find(cloud.store.read), [], invariant.name);
  }
});

test("the built-in roles can neither be renamed nor deleted", async () => {
  const { cloud, ask } = await aCloud();
  const { roles } = await ask<Listed>("GET", "/v3/roles?name=member");
  const admin = await cloud.tokenOf("admin", "apple", adminScope);

  const renamed = await cloud.call(admin, "PATCH", `/v3/roles/${roles[0]!.id}`, { role: { name: "guest" } });

  assert.equal(renamed.status, 403);
  assert.equal((await cloud.call(admin, "DELETE", `/v3/roles/${roles[0]!.id}`)).status, 403);
});

interface Page {
  readonly projects: readonly { readonly name: string }[];
  readonly links: { readonly next: string };
}

test("lists are filtered and paged", async () => {
  const { ask } = await aCloud();
  for (const name of ["blue-1", "blue-2", "red"]) await ask("POST", "/v3/projects", { project: { name } });

  const blue = await ask<Page>("GET", "/v3/projects?name__startswith=blue&limit=1");
  const rest = await ask<Page>("GET", blue.links.next.replace(/^.*\/identity/, ""));

  const names = (answer: Page) => answer.projects.map(({ name }) => name);
  assert.deepEqual([names(blue), names(rest)], [["blue-1"], ["blue-2"]]);
});
