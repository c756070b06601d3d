import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isFault, processErrors, run } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { makeKeyPair, sshFingerprint } from "./ssh-keys.ts";

test("OpenSSH reads the private half and finds the public one in it", async (t) => {
  const { publicKey, privateKey } = makeKeyPair(testPlatform().random);
  const path = join(mkdtempSync(join(tmpdir(), "keys-")), "id");
  writeFileSync(path, privateKey, { mode: 0o600 });

  const read = await run("ssh-keygen", ["-y", "-f", path]).catch((error: unknown) => {
    if (!isFault(error, processErrors.notFound)) throw error;
    return null;
  });

  if (read === null) return t.diagnostic("ssh-keygen is not installed");
  assert.equal(read.stdout.trim(), publicKey);
  const shown = await run("ssh-keygen", ["-l", "-E", "md5", "-f", path]);
  assert.ok(shown.stdout.includes(`MD5:${sshFingerprint(publicKey)} `));
});

const notKeys = [
  "",
  "ssh-rsa",
  "ssh-rsa AAAA",
  "ssh-rsa %%%",
  "rsa AAAAB3NzaC1yc2E=",
  "ssh-ed25519 AAAAB3NzaC1yc2E=",
];

for (const text of notKeys) {
  test(`\`${text}\` is no public key`, () => assert.equal(sshFingerprint(text), null));
}
