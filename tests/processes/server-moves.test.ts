// A real guest moves between two hosts in namespaces, each with a process and a directory of its own: what it
// wrote is there when it starts again, on either side. Emulated guests take a minute; when the image is built
// first, some more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "@micronova/kit";
import { makeKeyPair } from "../../packages/cli/demo/guest-shell.ts";
import { whyNoLinuxHost } from "../../packages/network/drivers/linux/testing.ts";
import {
  bootOn,
  type Guest,
  hostsCloud,
  inside,
  prepareGuests,
  startOn,
} from "../support/guests-on-hosts.ts";
import { type Host, type Hosts, hostsInNamespaces } from "../support/hosts-in-namespaces.ts";
import { eventually } from "../support/running-cloud.ts";

const names = ["h1", "h2"] as const;
// An emulated guest on a machine that is busy with other tests.
const bootMsMax = 120_000;

test("a guest goes to another host with its disk, comes back as it was, and goes for good", {
  skip: whyNoLinuxHost() ?? false,
  timeout: 500_000,
}, async () => {
  await using machines = await hostsInNamespaces(...names);
  const busPassword = systemRandom.uuid();
  const cloud = await hostsCloud(machines, busPassword);
  const key = await makeKeyPair();
  try {
    const started = await startOn(cloud, machines, busPassword);
    const { openstack } = started;
    await prepareGuests(started.client, key);
    const shown = async () => JSON.parse(await openstack("server", "show", "mover", "--format", "json"));
    const reaches = async (status: string) =>
      eventually(shown, (server) => server.status === status, bootMsMax);
    const { address } = await bootOn(started, hostOf(machines, "h1"), { name: "mover", key });
    const guestOn = (name: string): Guest => ({ address, key, host: hostOf(machines, name) });
    const answers = (name: string, script: string) =>
      eventually(
        () => inside(guestOn(name), script).catch(() => null),
        (text) => text !== null,
        bootMsMax,
      );
    await answers("h1", "echo first | sudo tee /word && sync");

    await openstack("server", "migrate", "mover");
    const moved = await reaches("VERIFY_RESIZE");
    assert.equal(moved["OS-EXT-SRV-ATTR:host"], "h2");
    assert.equal(await answers("h2", "cat /word"), "first\n");
    await answers("h2", "echo second | sudo tee /word && sync");

    await openstack("server", "resize", "revert", "mover");
    const back = await reaches("ACTIVE");
    assert.equal(back["OS-EXT-SRV-ATTR:host"], "h1");
    assert.equal(await answers("h1", "cat /word"), "first\n");

    await openstack("server", "resize", "--flavor", "m1.small", "mover");
    await reaches("VERIFY_RESIZE");
    assert.equal(await answers("h2", "cat /word"), "first\n");
    await openstack("server", "resize", "confirm", "mover");
    const confirmed = await reaches("ACTIVE");
    assert.equal(confirmed["OS-EXT-SRV-ATTR:host"], "h2");
    await openstack("server", "delete", "--wait", "mover");
  } finally {
    key.remove();
    await cloud.stop();
  }
});

const hostOf = ({ hosts }: Hosts, name: string): Host => {
  const host = hosts.find((one) => one.name === name);
  assert(host !== undefined);
  return host;
};
