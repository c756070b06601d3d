// kill -9 of the whole cloud at random moments of its work: every operation ends, done or undone, and nothing
// leaks.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, Json } from "@micronova/client";
import { seededRandom } from "@micronova/kit";
import { eventually, type RunningCloud, startCloud } from "../support/running-cloud.ts";

const moments = 10;
// The demo's work on the fake driver takes about so long; a kill falls anywhere in it.
const workMs = 1_500;
// After a restart everything must have ended by then.
const settleMs = 30_000;

const microversion = "2.79";
const unfinished = /BUILD|REBOOT|DELETING|creating|attaching|detaching|deleting|reserved|saving|queued/i;

test(`the work of the demo survives kill -9 at ${moments} random moments`, async () => {
  const seed = Number(process.env["KILL_SEED"] ?? 20261123);
  const random = seededRandom(seed);
  const cloud = await startCloud({ virt: "fake", fakeHosts: 3, fakeDelayMs: 60 });
  try {
    await prepare(await cloud.client());
    for (let moment = 0; moment < moments; moment++) {
      const afterMs = random.int(workMs);
      const work = demoWork(await cloud.client(), moment).catch((error) => error);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await cloud.kill();
      await work;

      await cloud.up();
      await settled(cloud, `KILL_SEED=${seed}, moment ${moment}, after ${afterMs} ms`);
    }
  } finally {
    await cloud.destroy();
  }
});

async function prepare(client: Client): Promise<void> {
  const image = await client.call("image", "/v2/images", {
    method: "POST",
    body: { name: "tiny", disk_format: "raw", container_format: "bare" },
  });
  const bytes = new Blob([new Uint8Array(100_000)]).stream();
  const headers = { "content-type": "application/octet-stream" };
  await client.call("image", `/v2/images/${image.id}/file`, { method: "PUT", bytes, headers });
}

/**
 * Boot, volume, attach, detach, delete, as the demo does; ends with an error when the cloud is killed under
 * it.
 */
async function demoWork(client: Client, moment: number): Promise<void> {
  const [image] = (await client.call("image", "/v2/images")).images;
  const [network] = (await client.call("network", "/v2.0/networks?name=private")).networks;
  const server = { name: `s${moment}`, imageRef: image.id, flavorRef: "1", networks: [{ uuid: network.id }] };
  const created = await client.call("compute", "/servers", {
    method: "POST",
    body: { server },
    microversion,
  });
  const made = await client.call("volumev3", "/volumes", { method: "POST", body: { volume: { size: 1 } } });
  const serverPath = `/servers/${created.server.id}`;
  const volumePath = `/volumes/${made.volume.id}`;
  const serverIs = (status: string) =>
    eventually(
      () => client.call("compute", serverPath),
      (answer) => answer.server.status === status,
    );
  const volumeIs = (status: string) =>
    eventually(
      () => client.call("volumev3", volumePath),
      (answer) => answer.volume.status === status,
    );
  await serverIs("ACTIVE");
  await volumeIs("available");
  const body = { volumeAttachment: { volumeId: made.volume.id } };
  await client.call("compute", `${serverPath}/os-volume_attachments`, { method: "POST", body });
  await volumeIs("in-use");
  await client.call("compute", `${serverPath}/os-volume_attachments/${made.volume.id}`, { method: "DELETE" });
  await volumeIs("available");
  await client.call("compute", serverPath, { method: "DELETE" });
  await client.call("volumev3", volumePath, { method: "DELETE" });
}

/** Waits until nothing is under way, then deletes what there is and looks for leaks. */
async function settled(cloud: RunningCloud, where: string): Promise<void> {
  const client = await cloud.client();
  const states = async () => {
    const { servers } = await client.call("compute", "/servers/detail", { microversion });
    const { volumes } = await client.call("volumev3", "/volumes/detail");
    return { servers, volumes };
  };
  const isQuiet = ({ servers, volumes }: Json) =>
    servers.every(
      (server: Json) => !unfinished.test(server.status) && server["OS-EXT-STS:task_state"] === null,
    ) && volumes.every((volume: Json) => !unfinished.test(volume.status));
  const { servers, volumes } = await eventually(states, isQuiet, settleMs).catch((error) => {
    throw new Error(`${where}: ${error.message}`);
  });
  for (const server of servers) {
    if (server.status === "ERROR")
      assert.ok(server.fault?.message, `${where}: ${server.id} in ERROR without a reason`);
    await client.call("compute", `/servers/${server.id}`, { method: "DELETE" });
  }
  await eventually(states, (now) => now.servers.length === 0, settleMs);
  for (const volume of volumes) {
    assert.equal(
      (await client.call("volumev3", `/volumes/${volume.id}`)).volume.attachments.length,
      0,
      where,
    );
    await client.call("volumev3", `/volumes/${volume.id}`, { method: "DELETE" });
  }
  await eventually(states, (now) => now.volumes.length === 0, settleMs);
  await nothingLeft(client, where);
}

async function nothingLeft(client: Client, where: string): Promise<void> {
  const { ports } = await client.call("network", "/v2.0/ports");
  const ofServers = ports.filter((port: Json) => port.device_owner.startsWith("compute:"));
  assert.deepEqual(ofServers, [], `${where}: ports are left`);
  const { hypervisor_statistics: hosts } = await client.call("compute", "/os-hypervisors/statistics");
  assert.equal(hosts.vcpus_used, 0, `${where}: vCPUs are still claimed`);
  assert.equal(hosts.running_vms, 0, `${where}: guests still run`);
  const { resource_providers: providers } = await client.call("placement", "/resource_providers");
  for (const provider of providers) {
    const { usages } = await client.call("placement", `/resource_providers/${provider.uuid}/usages`);
    for (const [name, used] of Object.entries(usages))
      assert.equal(used, 0, `${where}: ${name} of ${provider.name}`);
  }
}
