// The demo as an ordinary user runs it: QEMU's user networking, volumes as files, and a host whose network
// and block devices are the same before, during and after, to the byte. As root it becomes such a user.
import assert from "node:assert/strict";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ProgramResult, program, root } from "../support/running-cloud.ts";

// The one that owns nothing, by number: it needs no name.
const unprivileged = 65_534;
const isRoot = process.getuid?.() === 0;
const main = join(root, "packages", "cli", "main.ts");

/** Runs a program as the user, whose home is `home`. */
function asUser(home: string, name: string, args: readonly string[]): Promise<ProgramResult> {
  const env = {
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    XDG_CACHE_HOME: join(home, "cache"),
    TMPDIR: home,
  };
  if (!isRoot) return program(name, args, env);
  const becoming = ["--reuid", `${unprivileged}`, "--regid", `${unprivileged}`, "--clear-groups", "--"];
  return program("setpriv", [...becoming, name, ...args], env);
}

/** A home of the user's; the guest image that was built here last is taken along. */
function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), "micronova-user-"));
  const built = join(root, "node_modules", ".cache", "micronova-guest");
  const cache = join(home, "cache", "micronova", "guest");
  mkdirSync(cache, { recursive: true });
  // Other names are of builds that go on, or are locks.
  const images = existsSync(built)
    ? readdirSync(built).filter((name) => /^guest-[0-9a-f-]+$/.test(name))
    : [];
  const age = (name: string) => statSync(join(built, name)).mtimeMs;
  const last = images.toSorted((one, other) => age(one) - age(other)).at(-1);
  if (last !== undefined) cpSync(join(built, last), join(cache, last), { recursive: true });
  if (!isRoot) return home;
  const paths = readdirSync(home, { recursive: true, encoding: "utf8" });
  for (const path of [".", ...paths]) chownSync(join(home, path), unprivileged, unprivileged);
  return home;
}

/** What the host's network is; counters and times are not part of it. */
async function hostNetwork(): Promise<Readonly<Record<string, string>>> {
  const look = async (name: string, ...args: string[]) => (await program(name, args)).stdout;
  return {
    addresses: await look("ip", "-brief", "address"),
    links: await look("ip", "-brief", "link"),
    routes: await look("ip", "route", "show", "table", "all"),
    namespaces: await look("ip", "netns"),
    forwarding: await look("cat", "/proc/sys/net/ipv4/ip_forward"),
    ...(isRoot ? { rules: await look("nft", "list", "ruleset") } : {}),
    ...(isRoot ? { loops: await look("losetup", "--list", "--noheadings") } : {}),
  };
}

const canRead = await asUser(tmpdir(), "test", ["-r", main]);
const skip = canRead.status === 0 ? false : "an ordinary user may not read this directory";

test("an ordinary user's demo brings the data back and leaves the host's network alone", {
  skip,
}, async () => {
  const home = makeHome();
  const micronova = (...args: string[]) => asUser(home, process.execPath, [main, ...args]);
  const before = await hostNetwork();
  try {
    const demo = await micronova("demo", "--port", "18777");
    assert.equal(demo.status, 0, demo.stderr);
    assert.match(demo.stderr, /log in to it over SSH at 127\.0\.0\.1:2\d{4}/);
    const wrote = /wrote (\S+)/.exec(demo.stderr)?.[1];
    assert.equal(/read {2}(\S+)/.exec(demo.stderr)?.[1], wrote);
    assert.deepEqual(await hostNetwork(), before);
  } finally {
    const stopped = await micronova("demo", "--stop");
    assert.equal(stopped.status, 0, stopped.stderr);
  }
  assert.deepEqual(await hostNetwork(), before);
  assert.deepEqual(readdirSync(join(home, "data")), []);
  const { stdout: processes } = await program("ps", ["-eo", "args"]);
  assert.doesNotMatch(processes, new RegExp(home));
  rmSync(home, { recursive: true });
});
