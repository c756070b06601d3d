// Who sees what: every row is what RabbitMQ 3.10 answers to users with a tag and, in capitals, with
// permissions in the virtual host too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { anApiWithWork } from "./testing.ts";

const tags = { m: "management", p: "policymaker", o: "monitoring", a: "administrator" } as const;
const noHost = "User not authorised to access virtual host";
const noAdministrator = "Not administrator user";
const noMonitor = "Not monitor user";
const noObject = "User not authorised to access object";

/** Path, the refusal, and who is let in. */
const cases: readonly (readonly [path: string, refusal: string, letIn: string])[] = [
  ["/overview", "", "mMpPoOaA"],
  ["/whoami", "", "mMpPoOaA"],
  ["/nodes", noMonitor, "oOaA"],
  ["/auth/attempts/micronova@test", noMonitor, "oOaA"],
  ["/vhosts", "", "mMpPoOaA"],
  ["/vhosts/%2F", noAdministrator, "aA"],
  ["/vhosts/%2F/permissions", noAdministrator, "aA"],
  ["/vhosts/%2F/connections", noHost, "MPOaA"],
  ["/users", noAdministrator, "aA"],
  ["/users/guest/permissions", noAdministrator, "aA"],
  ["/permissions/%2F/guest", noAdministrator, "aA"],
  ["/topic-permissions", noAdministrator, "aA"],
  ["/feature-flags", noAdministrator, "aA"],
  ["/connections", "", "mMpPoOaA"],
  ["/consumers/%2F", "", "mMpPoOaA"],
  ["/exchanges", "", "mMpPoOaA"],
  ["/exchanges/%2F/work", noHost, "MPOaA"],
  ["/queues/%2F", noHost, "MPOaA"],
  ["/queues/%2F/jobs", noHost, "MPOaA"],
  ["/queues/%2F/jobs/bindings", noHost, "MPOaA"],
  ["/bindings/%2F/e/work/q/jobs", noHost, "MPOaA"],
  ["/parameters", noObject, "pPaA"],
  ["/global-parameters", noObject, "pPaA"],
  ["/policies", "", "mMpPoOaA"],
  ["/policies/%2F", noHost, "MPOaA"],
  ["/cluster-name", "", "mMpPoOaA"],
  ["/health/checks/alarms", "", "mMpPoOaA"],
];

test("tags decide who sees what", async () => {
  const { broker, ask } = await anApiWithWork();
  for (const [letter, tag] of Object.entries(tags)) {
    for (const name of [letter, letter.toUpperCase()])
      broker.access.putUser({ name, password: name, tags: [tag] });
    broker.access.setPermission(letter.toUpperCase(), "/", { configure: "", write: "", read: "" });
  }

  for (const [path, refusal, letIn] of cases) {
    for (const user of "mMpPoOaA") {
      const { status, body } = await ask("GET", path, undefined, user);
      if (letIn.includes(user)) assert.equal(status, 200, `${user} at ${path}: ${JSON.stringify(body)}`);
      else {
        const expected = [401, { error: "not_authorised", reason: refusal }];
        assert.deepEqual([status, body], expected, `${user} at ${path}`);
      }
    }
  }
});

test("lists hold what their reader may see, and who has no tag reads nothing", async () => {
  const { broker, ask } = await anApiWithWork();
  const users: readonly (readonly [name: string, tags: readonly string[], isIn: boolean])[] = [
    ["out", ["management"], false],
    ["in", ["management"], true],
    ["watcher", ["monitoring"], false],
    ["chief", ["administrator"], false],
    ["nobody", [], true],
  ];
  for (const [name, given, isIn] of users) {
    broker.access.putUser({ name, password: name, tags: given });
    if (isIn) broker.access.setPermission(name, "/", { configure: "", write: "", read: "" });
  }
  const counts = async (path: string) =>
    Promise.all(
      ["out", "in", "watcher", "chief"].map(
        async (user) => ((await ask("GET", path, undefined, user)).body as unknown[]).length,
      ),
    );

  assert.deepEqual(await counts("/vhosts"), [0, 1, 1, 1]);
  assert.deepEqual(await counts("/queues"), [0, 1, 0, 1]);
  assert.deepEqual(await counts("/exchanges"), [0, 8, 0, 8]);
  assert.deepEqual(await counts("/bindings"), [0, 2, 0, 2]);
  const { status, body } = await ask("GET", "/overview", undefined, "nobody");
  assert.deepEqual([status, body], [401, { error: "not_authorised", reason: "Not management user" }]);
});
