// A cloud of three hosts in namespaces, each with a process for its guests: real guests on one private
// network over all of them. Emulated guests take a minute; when the image is built first, some more.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Client } from "@micronova/client";
import { buildGuestImage } from "@micronova/guest";
import { run, silentLog, systemRandom } from "@micronova/kit";
import { findFlavor, uploadImage } from "../../packages/cli/demo/cloud-calls.ts";
import { type KeyPair, makeKeyPair } from "../../packages/cli/demo/guest-shell.ts";
import { whyNoLinuxHost } from "../../packages/network/drivers/linux/testing.ts";
import { freePort } from "../support/free-port.ts";
import { type Host, type Hosts, hostsInNamespaces, on } from "../support/hosts-in-namespaces.ts";
import { eventually } from "../support/running-cloud.ts";
import { type RoleCloud, type RoleProcess, roleCloud } from "../support/running-roles.ts";

const names = ["h1", "h2", "h3"] as const;
const guestCache = join(import.meta.dirname, "../../node_modules/.cache/micronova-guest");

test("guests on three hosts are on one private network", {
  skip: whyNoLinuxHost() ?? false,
  timeout: 400_000,
}, async () => {
  await using machines = await hostsInNamespaces(...names);
  const busPassword = systemRandom.uuid();
  const cloud = await aCloud(machines, busPassword);
  const key = await makeKeyPair();
  try {
    const { controller, client } = await cloudOn(cloud, machines, busPassword);
    await prepare(client, key);
    const openstack = async (...args: readonly string[]) => {
      const { status, stdout, stderr } = await cloud.openstack(controller, args);
      assert.equal(status, 0, stderr);
      return stdout.trim();
    };

    for (const name of names) {
      await openstack(
        ...["server", "create", "--image", "tiny", "--flavor", "m1.tiny", "--network", "private"],
        ...["--key-name", "mine", "--availability-zone", `nova:${name}`, "--wait", `guest-${name}`],
      );
    }

    const guests = new Map<string, Guest>();
    for (const [at, name] of names.entries()) {
      const shown = JSON.parse(await openstack("server", "show", `guest-${name}`, "--format", "json"));
      assert.equal(shown["OS-EXT-SRV-ATTR:host"], name);
      guests.set(name, { address: shown.addresses.private[0], host: machines.hosts[at]!, key });
    }
    for (const [name, guest] of guests) {
      await eventually(
        () => inside(guest, "hostname").catch(() => ""),
        (text) => text.trim() === `guest-${name}`,
        bootMsMax,
      );
      const metadata = await inside(
        guest,
        "wget -qO- http://169.254.169.254/openstack/latest/meta_data.json",
      );
      assert.equal(JSON.parse(metadata).name, `guest-${name}`);
      assert.match(await inside(guest, "ip link show eth0 || ip link show"), /mtu 1450/);
      const log = await openstack("console", "log", "show", `guest-${name}`);
      assert.match(log, /login/);
      for (const other of guests.values()) {
        // 1422 bytes and the headers of IP and ICMP are the network's 1450.
        await inside(guest, `ping -c 1 -W 5 -s 1422 ${other.address}`);
      }
    }
    const agents: Record<string, unknown>[] = (await client.call("network", "/v2.0/agents")).agents;
    assert.deepEqual(
      agents.map(({ host, alive, configurations }) => [host, alive, configurations]).map(tunnelOf),
      machines.hosts.map(({ name, address }) => [name, true, address]),
    );
    for (const name of names) await openstack("server", "delete", "--wait", `guest-${name}`);
    for (const host of machines.hosts) {
      const { stdout } = await run(...on(host, "ip", "-o", "link", "show", "type", "vxlan"));
      assert.equal(stdout, "");
    }
  } finally {
    key.remove();
    await cloud.stop();
  }
});

// An emulated guest on a machine that is busy with other tests.
const bootMsMax = 120_000;

const tunnelOf = ([host, alive, configurations]: readonly unknown[]) => [
  host,
  alive,
  // As the agent's view has it.
  (configurations as { tunneling_ip?: string }).tunneling_ip,
];

/** The broker and the APIs are reached on the wire by all of them. */
async function aCloud({ address }: Hosts, busPassword: string): Promise<RoleCloud> {
  const bus = `${address}:${await freePort()}`;
  return roleCloud(
    [
      `listen = "${address}"`,
      "insecure = true",
      "[bus]",
      `urls = ["amqp://hosts:${busPassword}@${bus}"]`,
      `listen = "${bus}"`,
      "[virt]",
      'driver = "qemu"',
      "",
    ].join("\n"),
  );
}

async function cloudOn(
  cloud: RoleCloud,
  machines: Hosts,
  busPassword: string,
): Promise<{ readonly controller: RoleProcess; readonly client: Client }> {
  const control = { role: "api,conductor,scheduler,broker", host: "c1" };
  const controller = await cloud.start({ ...control, args: ["--port", "0"] });
  await controller.ready();
  const client = await cloud.client(controller);
  await letHostsIn(client, busPassword);
  for (const host of machines.hosts) {
    await cloud.start({ role: "compute,network", host: host.name, on: host });
  }
  for (const one of cloud.processes) await one.ready();
  await eventually(
    () => client.call("compute", "/os-services?binary=nova-compute"),
    ({ services }) => services.length === machines.hosts.length,
  );
  return { controller, client };
}

/** Of the broker's own user only this machine's programs may be. */
async function letHostsIn(client: Client, password: string): Promise<void> {
  const put = { method: "PUT" } as const;
  await client.call("bus", "/users/hosts", { ...put, body: { password, tags: "" } });
  const all = { configure: ".*", write: ".*", read: ".*" };
  await client.call("bus", "/permissions/%2F/hosts", { ...put, body: all });
}

async function prepare(client: Client, key: KeyPair): Promise<void> {
  const { disk } = await buildGuestImage({ cacheDir: guestCache, log: silentLog });
  await uploadImage(client, "tiny", disk, "qcow2");
  const keypair = { name: "mine", public_key: key.publicKey };
  await client.call("compute", "/os-keypairs", { method: "POST", body: { keypair } });
  await findFlavor(client, "m1.tiny");
}

interface Guest {
  readonly address: string;
  /** From which it is logged in to. */
  readonly host: Host;
  readonly key: KeyPair;
}

async function inside({ address, host, key }: Guest, script: string): Promise<string> {
  const options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "ConnectTimeout=5"];
  const quiet = ["UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const flags = [...options, ...quiet].flatMap((option) => ["-o", option]);
  const ssh = ["ssh", "-i", key.privatePath, ...flags, `cirros@${address}`, "sh -eu -s"];
  return (await run(...on(host, ...ssh), { input: script, timeoutMs: 30_000 })).stdout;
}
