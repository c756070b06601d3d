// Who may connect and what each may do, as it changes.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { isFault, seededRandom } from "@micronova/kit";
import { amqpErrors } from "../index.ts";
import { Access, type UserSpec } from "./access.ts";

const worker: UserSpec = {
  name: "worker",
  password: "secret",
  permissions: { "/": { configure: "", write: "^(?:micronova|reply_.*)$", read: "^compute\\." } },
};
const everything = { configure: ".*", write: ".*", read: ".*" };

function anAccess(given: readonly UserSpec[] | null = null) {
  const changes: string[] = [];
  const deps = {
    random: seededRandom(1),
    hasHost: (name: string) => name === "/" || name === "other",
    rightsChanged: (host: string) => void changes.push(`rights in ${host}`),
    userDeleted: ({ name }: { readonly name: string }) => void changes.push(`${name} is gone`),
  };
  return { access: new Access(deps, given), changes };
}

test("a user is who knows the name and the password", () => {
  const { access } = anAccess([worker]);

  assert.equal(access.authenticate("worker", "secret")?.name, "worker");
  assert.equal(access.authenticate("worker", "wrong"), null);
  assert.equal(access.authenticate("nobody", "secret"), null);
  assert.equal(access.authenticate("nobody", "nobody"), null);
  assert.equal(access.authenticate("", ""), null);
  assert.equal(anAccess().access.authenticate("guest", "guest")?.isLocalOnly, true);
});

test("patterns say what may be configured, written and read, in each virtual host", () => {
  const user = anAccess([worker]).access.authenticate("worker", "secret");
  assert(user !== null);
  const cases = [
    ["configure", "/", "compute.h1", false],
    ["configure", "/", "", true],
    ["write", "/", "micronova", true],
    ["write", "/", "reply_1", true],
    ["write", "/", "other", false],
    ["read", "/", "compute.h1", true],
    ["read", "/", "volume.h1", false],
    ["read", "elsewhere", "compute.h1", false],
  ] as const;
  for (const [right, host, name, expected] of cases) {
    assert.equal(user.may(right, host, name), expected, `${right} ${host} ${name}`);
    // Remembered answers are the same answers.
    assert.equal(user.may(right, host, name), expected, `${right} ${host} ${name} again`);
  }
  assert.deepEqual([user.mayOpen("/"), user.mayOpen("elsewhere")], [true, false]);
});

test("what is changed is true at once for whoever holds on to the user", () => {
  const { access, changes } = anAccess([worker]);
  const user = access.user("worker");
  assert.equal(user.may("write", "/", "x"), false);

  access.setPermission("worker", "/", everything);
  assert.equal(user.may("write", "/", "x"), true);
  access.putUser({ name: "worker", password: "new", tags: ["monitoring"] });
  assert.deepEqual(
    [user.tags, user.hasPassword("new"), user.hasPassword("secret")],
    [["monitoring"], true, false],
  );
  assert.equal(user.may("write", "/", "x"), true, "permissions stay");
  access.clearPermission("worker", "/");
  assert.deepEqual([user.may("write", "/", "x"), user.mayOpen("/")], [false, false]);
  access.setPermission("worker", "other", everything);
  changes.length = 0;
  access.deleteUser("worker");

  assert.deepEqual(changes, ["rights in other", "worker is gone"]);
  assert.equal(user.may("write", "other", "x"), false);
  assert.deepEqual([access.users(), access.permissions()], [[], []]);
});

test("passwords are kept as RabbitMQ keeps them, and taken over from it", () => {
  const { access } = anAccess([]);
  // Made by RabbitMQ 3.10 for the password "test12", as its documentation shows.
  const sha256 = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
  access.putUser({ name: "old", passwordHash: sha256, hashingAlgorithm: "rabbit_password_hashing_sha256" });
  const [salt, digest] = [Buffer.from("0badcafe", "hex"), "sha512"] as const;
  const sha512 = Buffer.concat([salt, createHash(digest).update(salt).update("long").digest()]);
  access.putUser({
    name: "long",
    passwordHash: sha512.toString("base64"),
    hashingAlgorithm: "rabbit_password_hashing_sha512",
  });
  access.putUser({ name: "bare" });
  access.putUser({ name: "blank", password: "" });

  assert.notEqual(access.authenticate("old", "test12"), null);
  assert.notEqual(access.authenticate("long", "long"), null);
  for (const name of ["old", "long", "bare", "blank"]) assert.equal(access.authenticate(name, ""), null);
  assert.equal(access.user("old").record.passwordHash, sha256);
});

test("what cannot be is refused with the reason", () => {
  const { access } = anAccess([worker]);
  const cases = [
    [() => access.putUser({ name: "" }), amqpErrors.badUser],
    [() => access.putUser({ name: "u", passwordHash: "c2hvcnQ=" }), amqpErrors.badUser],
    [() => access.putUser({ name: "u", hashingAlgorithm: "rot13" }), amqpErrors.badUser],
    [() => access.deleteUser("nobody"), amqpErrors.userNotFound],
    [() => access.setPermission("nobody", "/", everything), amqpErrors.userNotFound],
    [() => access.setPermission("worker", "nowhere", everything), amqpErrors.hostNotFound],
    [() => access.setPermission("worker", "/", { ...everything, read: "(" }), amqpErrors.badPattern],
    [() => access.clearPermission("worker", "other"), amqpErrors.permissionNotFound],
  ] as const;
  for (const [attempt, expected] of cases) assert.throws(attempt, (error) => isFault(error, expected));
  assert.equal(access.user("worker").may("read", "/", "compute.x"), true, "nothing was changed");
});

test("a pattern may escape what needs no escape, as RabbitMQ's may", () => {
  const { access } = anAccess([worker]);

  access.setPermission("worker", "/", { ...everything, read: "^amq\\-gen\\_" });

  assert.equal(access.user("worker").may("read", "/", "amq-gen_1"), true);
});
