// The parts of the guest's build that need no packages: archives, and one builder at a time.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cpioOf, pathsBelow } from "./cpio.ts";
import { withLock } from "./lock.ts";
import { ownFiles } from "./recipe.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "micronova-guest-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("an archive holds folders before their files, and links as links", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "home/cirros"), { recursive: true });
    await writeFile(join(folder, "home/cirros/note"), "hello");
    await symlink("home", join(folder, "users"));

    assert.deepEqual(await pathsBelow(folder), ["home", "home/cirros", "home/cirros/note", "users"]);
    const archive = (await cpioOf(folder, 1000)).toString("latin1");

    assert.equal(archive.length % 4, 0);
    assert.deepEqual(
      [...archive.matchAll(/070701([0-9a-f]{104})([^\0]*)\0/g)].map(([, fields, name]) => [
        name,
        Number.parseInt(fields!.slice(16, 24), 16),
      ]),
      [
        ["home", 0],
        ["home/cirros", 1000],
        ["home/cirros/note", 1000],
        ["users", 0],
        ["TRAILER!!!", 0],
      ],
    );
  }));

test("builders take turns, and one that died does not hold the others up", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    // No process has this number: Linux ends at 4194304.
    await writeFile(path, "99999999");
    let busy = 0;
    const build = async () => {
      assert.equal(++busy, 1);
      await readFile(path);
      busy--;
    };

    await Promise.all([withLock(path, build), withLock(path, build), withLock(path, build)]);

    assert.deepEqual(await pathsBelow(folder), []);
  }));

test("the guest's own scripts say what runs them", async () => {
  const scripts = Object.keys(ownFiles).filter((name) => name !== "inittab");
  for (const name of scripts) {
    const text = await readFile(join(import.meta.dirname, "files", name), "utf8");
    assert.ok(text.startsWith("#!/bin/ash\n# "), name);
  }
});
