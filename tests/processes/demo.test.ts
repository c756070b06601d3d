// The demo as its user runs it, twice, with the host looked at before and after: real QEMU, real LVM, real
// SSH.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cloudIdOf, hostThings, noThings } from "../support/host-things.ts";
import { micronova, processesOf, program, root } from "../support/running-cloud.ts";

const isRoot = process.getuid?.() === 0;

/**
 * What the host shows of devices, addresses and rules, or null while another cloud changes them as it likes.
 */
async function hostState(): Promise<Readonly<Record<string, string>> | null> {
  const look = async (name: string, ...args: string[]) => (await program(name, args)).stdout;
  const details = await look("ip", "-details", "-oneline", "link");
  const rules = isRoot ? await look("nft", "list", "ruleset") : "";
  if (details.includes("alias micronova:") || rules.includes("table inet micronova_")) return null;
  return {
    links: await look("ip", "-brief", "link"),
    addresses: await look("ip", "-brief", "address"),
    routes: await look("ip", "route"),
    namespaces: await look("ip", "netns"),
    forwarding: await look("cat", "/proc/sys/net/ipv4/ip_forward"),
    rules,
  };
}

test("the demo brings the data back, twice, and --stop leaves nothing behind", async () => {
  const dataDir = join(mkdtempSync(join(tmpdir(), "micronova-demo-test-")), "cloud");
  const before = await hostState();
  let cloudId = "";
  const demo = (...args: string[]) =>
    program(join(root, "micronova"), ["demo", "--data-dir", dataDir, ...args]);
  try {
    const first = await demo("--port", "18774");
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stderr, /The data came back/);
    assert.match(first.stderr, /refused: No valid host was found\. 1 host: 1 short of/);
    const wrote = /wrote (\S+)/.exec(first.stderr)?.[1];
    assert.equal(/read {2}(\S+)/.exec(first.stderr)?.[1], wrote);

    const second = await demo("--port", "18774");
    assert.equal(second.status, 0, second.stderr);
    assert.notEqual(/wrote (\S+)/.exec(second.stderr)?.[1], wrote);
    cloudId = cloudIdOf(dataDir);
  } finally {
    const stopped = await demo("--stop");
    assert.equal(stopped.status, 0, stopped.stderr);
  }
  assert.equal(existsSync(dataDir), false);
  assert.deepEqual(await hostThings(dataDir, cloudId), noThings);
  assert.deepEqual(await processesOf(dataDir), []);
  const after = await hostState();
  if (before !== null && after !== null) assert.deepEqual(after, before);
  assert.equal(
    (await micronova(["demo", "--stop", "--data-dir", dataDir])).status,
    1,
    "there is nothing to stop",
  );
  rmSync(join(dataDir, ".."), { recursive: true });
});
