// A cloud of several hosts in namespaces, with real guests: a controller on this machine, a process on each
// host, and a way into the guests.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client } from "@micronova/client";
import { buildGuestImage } from "@micronova/guest";
import { run, silentLog } from "@micronova/kit";
import { findFlavor, uploadImage } from "../../packages/cli/demo/cloud-calls.ts";
import type { KeyPair } from "../../packages/cli/demo/guest-shell.ts";
import { freePort } from "./free-port.ts";
import { type Host, type Hosts, on } from "./hosts-in-namespaces.ts";
import { eventually } from "./running-cloud.ts";
import { type RoleCloud, type RoleProcess, roleCloud } from "./running-roles.ts";

const guestCache = join(import.meta.dirname, "../../node_modules/.cache/micronova-guest");
// An emulated guest on a machine that is busy with other tests.
const bootMsMax = 120_000;

/** The broker and the APIs are reached on the wire by all of them. */
export async function hostsCloud(
  { address }: Hosts,
  busPassword: string,
  more: readonly string[] = [],
): Promise<RoleCloud> {
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
      ...more,
      "",
    ].join("\n"),
  );
}

export interface StartedCloud {
  readonly controller: RoleProcess;
  readonly client: Client;
  /** What the client prints; it must succeed. */
  openstack(...args: readonly string[]): Promise<string>;
}

/** Starts the controller, and on each host the roles compute and network and those that it has besides. */
export async function startOn(
  cloud: RoleCloud,
  machines: Hosts,
  busPassword: string,
  besides: Readonly<Record<string, string>> = {},
): Promise<StartedCloud> {
  const control = { role: "api,conductor,scheduler,broker", host: "c1" };
  const controller = await cloud.start({ ...control, args: ["--port", "0"] });
  await controller.ready();
  const client = await cloud.client(controller);
  await letHostsIn(client, busPassword);
  for (const host of machines.hosts) {
    const more = besides[host.name];
    const role = more === undefined ? "compute,network" : `compute,${more},network`;
    await cloud.start({ role, host: host.name, on: host });
  }
  for (const one of cloud.processes) await one.ready();
  await eventually(
    () => client.call("compute", "/os-services?binary=nova-compute"),
    ({ services }) => services.length === machines.hosts.length,
  );
  return {
    controller,
    client,
    async openstack(...args) {
      const { status, stdout, stderr } = await cloud.openstack(controller, args);
      if (status !== 0) throw new Error(`openstack ${args.join(" ")}: ${stderr}`);
      return stdout.trim();
    },
  };
}

/** Of the broker's own user only this machine's programs may be. */
async function letHostsIn(client: Client, password: string): Promise<void> {
  const put = { method: "PUT" } as const;
  await client.call("bus", "/users/hosts", { ...put, body: { password, tags: "" } });
  const all = { configure: ".*", write: ".*", read: ".*" };
  await client.call("bus", "/permissions/%2F/hosts", { ...put, body: all });
}

/** What servers are made of: the image `tiny` and the key `mine`. */
export async function prepareGuests(client: Client, key: KeyPair): Promise<void> {
  const { disk } = await buildGuestImage({ cacheDir: guestCache, log: silentLog });
  await uploadImage(client, "tiny", disk, "qcow2");
  const keypair = { name: "mine", public_key: key.publicKey };
  await client.call("compute", "/os-keypairs", { method: "POST", body: { keypair } });
  await findFlavor(client, "m1.tiny");
}

export interface Guest {
  readonly address: string;
  /** From which it is logged in to. */
  readonly host: Host;
  readonly key: KeyPair;
}

/** Runs a script in a guest, over SSH from its host. */
export async function inside({ address, host, key }: Guest, script: string): Promise<string> {
  const options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "ConnectTimeout=5"];
  const quiet = ["UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const flags = [...options, ...quiet].flatMap((option) => ["-o", option]);
  const ssh = ["ssh", "-i", key.privatePath, ...flags, `cirros@${address}`, "sh -eu -s"];
  return (await run(...on(host, ...ssh), { input: script, timeoutMs: 30_000 })).stdout;
}

/** Starts a server on that host, and waits until its guest is logged in to. */
export async function bootOn(
  { openstack }: StartedCloud,
  host: Host,
  { name, key }: { readonly name: string; readonly key: KeyPair },
): Promise<Guest> {
  await openstack(
    ...["server", "create", "--image", "tiny", "--flavor", "m1.tiny", "--network", "private"],
    ...["--key-name", "mine", "--availability-zone", `nova:${host.name}`, "--wait", name],
  );
  const shown = JSON.parse(await openstack("server", "show", name, "--format", "json"));
  const guest = { address: shown.addresses.private[0], host, key };
  await untilUp(guest);
  assert.equal((await inside(guest, "hostname")).trim(), name);
  return guest;
}

export async function untilUp(guest: Guest): Promise<void> {
  await eventually(
    () => inside(guest, "echo up").catch(() => ""),
    (text) => text.trim() === "up",
    bootMsMax,
  );
}
