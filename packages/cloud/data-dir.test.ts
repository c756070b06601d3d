import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isFault, seededRandom } from "@micronova/kit";
import { writeCredentials } from "./credentials-files.ts";
import { openDataDir, runningPid } from "./data-dir.ts";
import { errors } from "./errors.ts";
import { freeCidr } from "./free-cidr.ts";

const aPath = () => join(mkdtempSync(join(tmpdir(), "data-dir-")), "cloud");
const open = (path: string, seed = 1) => openDataDir(path, seededRandom(seed));

test("a new directory is private, has secrets, and keeps them", () => {
  const path = aPath();

  const first = open(path, 1);
  first.release();
  const again = open(path, 2);

  assert.equal(first.isNew, true);
  assert.equal(again.isNew, false);
  assert.deepEqual(again.secrets, first.secrets);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(statSync(join(path, "secrets.json")).mode & 0o777, 0o600);
});

test("the host keeps its first name, whatever its machine is called later", () => {
  const path = aPath();
  open(path).release();
  writeFileSync(join(path, "host-name"), "first-name\n");

  const again = open(path);

  assert.equal(again.hostName, "first-name");
  again.release();
});

test("a directory in use is refused, and free again after its release", () => {
  const path = aPath();
  const dir = open(path);

  assert.equal(runningPid(path), process.pid);
  assert.throws(
    () => open(path),
    (error) => isFault(error, errors.alreadyRunning),
  );
  dir.release();

  assert.equal(runningPid(path), null);
  open(path).release();
});

test("a pid that is only written down does not hold the directory", () => {
  const path = aPath();
  open(path).release();
  writeFileSync(join(path, "run", "cloud.pid"), "1\n");

  assert.equal(runningPid(path), null);
  open(path).release();
});

test("data of a newer version is refused and left as it is", () => {
  const path = aPath();
  open(path).release();
  writeFileSync(join(path, "format"), "99\n");

  assert.throws(
    () => open(path),
    (error) => isFault(error, errors.newerData),
  );
  assert.equal(readFileSync(join(path, "format"), "utf8"), "99\n");
});

test("damaged secrets are refused, not made anew", () => {
  const path = aPath();
  open(path).release();
  for (const text of ["", "{", '{"adminPassword": 5}']) {
    writeFileSync(join(path, "secrets.json"), text);

    assert.throws(
      () => open(path),
      (error) => isFault(error, errors.brokenSecrets),
    );
    assert.equal(readFileSync(join(path, "secrets.json"), "utf8"), text);
  }
});

test("a directory that cannot be made is a sentence", () => {
  const path = join(aPath(), "..", "a-file");
  writeFileSync(path, "");

  assert.throws(
    () => open(path),
    (error) => isFault(error, errors.dirUnusable),
  );
});

test("the credentials are complete for both users, and private", () => {
  const dir = open(aPath());

  writeCredentials(dir, { authUrl: "http://127.0.0.1:1/identity/v3", region: "Here", cacert: null });

  const clouds = readFileSync(dir.file("clouds.yaml"), "utf8");
  assert.match(
    clouds,
    /^ {2}micronova-admin:$[\s\S]*username: admin$[\s\S]*^ {2}micronova:$[\s\S]*username: demo$/m,
  );
  assert.equal(clouds.match(/region_name: Here/g)?.length, 2);
  assert.match(
    readFileSync(dir.file("openrc"), "utf8"),
    new RegExp(`OS_PASSWORD='${dir.secrets.adminPassword}'`),
  );
  assert.equal(statSync(dir.file("clouds.yaml")).mode & 0o777, 0o600);
  assert.ok(!existsSync(dir.file("clouds.yaml.new")));
  dir.release();
});

test("clouds begin their search for a network at different places", () => {
  const cidrs = new Set(["00000000", "00000001", "deadbeef", "0badcafe"].map(freeCidr));

  assert.ok(cidrs.size >= 3);
  for (const cidr of cidrs) assert.match(cidr, /^192\.168\.2[0-4]\d\.0\/24$/);
});
