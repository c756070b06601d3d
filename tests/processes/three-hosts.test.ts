// The guide to three hosts on one machine, run as it stands, and a look at what it made: real guests on one
// private network over hosts in namespaces. Emulated guests take a minute or two; when their image is built
// first, some more.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildGuestImage } from "@micronova/guest";
import { run, silentLog } from "@micronova/kit";
import { whyNoLinuxHost } from "../../packages/network/drivers/linux/testing.ts";
import { type Host, type Hosts, on } from "../support/hosts-in-namespaces.ts";
import { eventually, program, root } from "../support/running-cloud.ts";

const guide = readFileSync(join(root, "docs", "guides", "three-hosts.md"), "utf8");
const blocks = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!);
const statePath = "/run/micronova-three-hosts.json";
const names = ["h1", "h2", "h3"] as const;

test("the guide to three hosts makes guests that are on one private network", {
  skip: whyNoLinuxHost() ?? (existsSync(statePath) ? "there are three hosts already" : false),
  timeout: 540_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), "micronova-hosts-"));
  await buildGuestImage({
    cacheDir: join(root, "node_modules", ".cache", "micronova-guest"),
    log: silentLog,
  });
  const reader = aReader(dir);
  try {
    for (const block of blocks.slice(0, -1)) await reader.types(block);

    const said = reader.said();
    assert.match(said, /3 packets transmitted, 3 packets received, 0% packet loss/);
    assert.match(said, /provider:network_type +\| vxlan/);
    const hosts: Hosts = JSON.parse(readFileSync(statePath, "utf8"));
    await lookAt(dir, hosts);

    await reader.types(blocks.at(-1)!);
    assert.equal(existsSync(statePath) || existsSync(dir), false);
    assert.doesNotMatch((await run("ip", ["-br", "link"])).stdout, new RegExp(`^${hosts.device}`, "m"));
  } catch (error) {
    throw new Error(`after this: ${reader.said()}${outputsIn(dir)}`, { cause: error });
  } finally {
    reader.leave();
    await run(process.execPath, [join(root, "tools", "three-hosts.ts"), "down"]);
    rmSync(dir, { recursive: true, force: true });
  }
});

/** Every guest, from inside and from outside. */
async function lookAt(dir: string, { hosts }: Hosts): Promise<void> {
  const openstack = async (...args: readonly string[]) => {
    const env = { OS_CLIENT_CONFIG_FILE: join(dir, "control", "clouds.yaml"), OS_CLOUD: "micronova-admin" };
    const { status, stdout, stderr } = await program("/usr/bin/openstack", args, env);
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  const guests: Guest[] = [];
  for (const name of names) {
    const shown = JSON.parse(await openstack("server", "show", `on-${name}`, "--format", "json"));
    assert.equal(shown["OS-EXT-SRV-ATTR:host"], name);
    const [address] = shown.addresses.private;
    guests.push({ name: `on-${name}`, address, host: hosts.find((host) => host.name === name)!, dir });
  }
  for (const guest of guests) {
    await eventually(
      () => inside(guest, "hostname").catch(() => ""),
      (text) => text.trim() === guest.name,
      bootMsMax,
    );
    const metadata = await inside(guest, "wget -qO- http://169.254.169.254/openstack/latest/meta_data.json");
    assert.equal(JSON.parse(metadata).name, guest.name);
    assert.match(await inside(guest, "ip link show eth0"), /mtu 1450/);
    assert.match(await openstack("console", "log", "show", guest.name), /login/);
    // 1422 bytes and the headers of IP and ICMP are the network's 1450.
    for (const { address } of guests) await inside(guest, `ping -c 1 -W 5 -s 1422 ${address}`);
  }
  const agents = JSON.parse(await openstack("network", "agent", "list", "--format", "json"));
  assert.deepEqual(
    agents.map((agent: Record<string, unknown>) => [agent["Host"], agent["Alive"]]),
    names.map((name) => [name, true]),
  );
}

// Three guests are booted one after the other in one of them.
const blockMsMax = 180_000;
// An emulated guest on a machine that is busy with other tests.
const bootMsMax = 120_000;

/** What the processes in the background said. */
function outputsIn(dir: string): string {
  const files = readdirSync(dir).filter((name) => name.endsWith(".out"));
  return files.map((name) => `\n== ${name}\n${readFileSync(join(dir, name), "utf8")}`).join("");
}

interface Guest {
  readonly name: string;
  readonly address: string;
  /** From which it is logged in to. */
  readonly host: Host;
  readonly dir: string;
}

async function inside({ address, host, dir }: Guest, script: string): Promise<string> {
  const options = ["BatchMode=yes", "StrictHostKeyChecking=no", "ConnectTimeout=5"];
  const quiet = ["UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const flags = [...options, ...quiet].flatMap((option) => ["-o", option]);
  const ssh = ["ssh", "-i", join(dir, "key"), ...flags, `cirros@${address}`, "sh -eu -s"];
  return (await run(...on(host, ...ssh), { input: script, timeoutMs: 30_000 })).stdout;
}

interface Reader {
  /** Resolves when all of it was done; rejects when something in it failed. */
  types(block: string): Promise<void>;
  said(): string;
  /** Ends it with what it left running. */
  leave(): void;
}

/** Somebody who follows the guide in a shell, with a directory of their own. */
function aReader(dir: string): Reader {
  const shell = spawn("bash", ["-eu"], { cwd: root, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  let look = () => {};
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk;
      look();
    });
  }
  shell.once("exit", () => look());
  let count = 0;
  return {
    types(block) {
      const mark = `block ${++count} is done`;
      shell.stdin.write(`${block.replace("DIR=/var/tmp/three-hosts", `DIR=${dir}`)}\necho ${mark}\n`);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const late = setTimeout(() => reject(new Error(`block ${count} does not end`)), blockMsMax);
      look = () => {
        if (said.includes(mark)) resolve();
        else if (shell.exitCode !== null) reject(new Error(`the shell ended in block ${count}`));
      };
      look();
      return promise.finally(() => clearTimeout(late));
    },
    said: () => said,
    leave() {
      shell.stdin.end();
      try {
        // Its group: what it started in the background too.
        process.kill(-shell.pid!, "SIGKILL");
      } catch (error) {
        // All of it has ended. `kill` throws errors with a code.
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    },
  };
}
