// The demo's work on a cloud that may be killed under it, and the look at what is left afterwards.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client, Json } from "@micronova/client";
import { violations } from "@micronova/cloud";
import { metricsRegistry, silentLog, systemClock, systemRandom } from "@micronova/kit";
import { sqliteStore } from "@micronova/store";
import { eventually, type RunningCloud } from "./running-cloud.ts";

/** After a restart everything must have ended by then. */
export const settleMs = 30_000;
const microversion = "2.79";
const unfinished = /BUILD|REBOOT|DELETING|creating|attaching|detaching|deleting|reserved|saving|queued/i;

/** What the cloud has said yes to; that must not be forgotten. */
export interface Acknowledged {
  readonly servers: Set<string>;
  readonly volumes: Set<string>;
}

export const nothingYet = (): Acknowledged => ({ servers: new Set(), volumes: new Set() });

/** Boot, volume, attach, detach, delete, as the demo does. Rejects when the cloud is killed under it. */
export async function demoWork(client: Client, name: string, promised: Acknowledged): Promise<void> {
  const [image] = (await client.call("image", "/v2/images")).images;
  const serverId = await bootServer(client, { name, imageRef: image.id });
  promised.servers.add(serverId);
  const made = await client.call("volumev3", "/volumes", { method: "POST", body: { volume: { size: 1 } } });
  const volumeId = made.volume.id;
  promised.volumes.add(volumeId);
  await serverIs(client, serverId, "ACTIVE");
  await volumeIs(client, volumeId, "available");
  const attachments = `/servers/${serverId}/os-volume_attachments`;
  await client.call("compute", attachments, { method: "POST", body: { volumeAttachment: { volumeId } } });
  await volumeIs(client, volumeId, "in-use");
  await client.call("compute", `${attachments}/${volumeId}`, { method: "DELETE" });
  await volumeIs(client, volumeId, "available");
  // Whether a delete that is being asked for happens is not known until it is answered, and then it may be
  // done.
  promised.servers.delete(serverId);
  await client.call("compute", `/servers/${serverId}`, { method: "DELETE" });
  promised.volumes.delete(volumeId);
  await client.call("volumev3", `/volumes/${volumeId}`, { method: "DELETE" });
}

/** Lets the administrator's project have as many servers as the hosts hold. */
export async function withoutQuotas(client: Client): Promise<void> {
  const [{ id }] = (await client.call("identity", "/v3/projects?name=admin")).projects;
  const quota = { instances: -1, cores: -1, ram: -1 };
  await client.call("compute", `/os-quota-sets/${id}`, { method: "PUT", body: { quota_set: quota } });
  await client.call("network", `/v2.0/quotas/${id}`, { method: "PUT", body: { quota: { port: -1 } } });
}

/** Asks for a server on the network that a fresh cloud has. */
export async function bootServer(client: Client, server: Readonly<Record<string, unknown>>): Promise<string> {
  const [network] = (await client.call("network", "/v2.0/networks?name=private")).networks;
  const body = { server: { flavorRef: "1", networks: [{ uuid: network.id }], ...server } };
  return (await client.call("compute", "/servers", { method: "POST", body, microversion })).server.id;
}

/** An image for guests that only seem to be. */
export async function smallImage(client: Client): Promise<string> {
  const body = { name: "tiny", disk_format: "raw", container_format: "bare" };
  const image = await client.call("image", "/v2/images", { method: "POST", body });
  const bytes = new Blob([new Uint8Array(100_000)]).stream();
  const headers = { "content-type": "application/octet-stream" };
  await client.call("image", `/v2/images/${image.id}/file`, { method: "PUT", bytes, headers });
  return image.id;
}

export const serverIs = (client: Client, id: string, status: string) =>
  eventually(
    () => client.call("compute", `/servers/${id}`),
    ({ server }) => server.status === status,
  );

export const volumeIs = (client: Client, id: string, status: string) =>
  eventually(
    () => client.call("volumev3", `/volumes/${id}`),
    ({ volume }) => volume.status === status,
  );

export interface Found {
  readonly servers: readonly Json[];
  readonly volumes: readonly Json[];
}

export async function everything(client: Client): Promise<Found> {
  const { servers } = await client.call("compute", "/servers/detail", { microversion });
  const { volumes } = await client.call("volumev3", "/volumes/detail");
  return { servers, volumes };
}

/** Waits until nothing is under way any more; answers what there is. */
export async function quiet(client: Client): Promise<Found> {
  const isQuiet = ({ servers, volumes }: Found) =>
    servers.every((server) => !unfinished.test(server.status) && server["OS-EXT-STS:task_state"] === null) &&
    volumes.every((volume) => !unfinished.test(volume.status));
  const found = await eventually(() => everything(client), isQuiet, settleMs);
  for (const { id, status, fault } of found.servers)
    if (status === "ERROR") assert.ok(fault?.message, `${id} in ERROR without a reason`);
  return found;
}

/** Deletes every server, then every volume, which must be free by then. */
export async function deleteEverything(client: Client): Promise<void> {
  const { servers, volumes } = await everything(client);
  for (const { id } of servers) await client.call("compute", `/servers/${id}`, { method: "DELETE" });
  await eventually(
    () => everything(client),
    (now) => now.servers.length === 0,
    settleMs,
  );
  for (const { id } of volumes) {
    const { volume } = await client.call("volumev3", `/volumes/${id}`);
    assert.deepEqual(volume.attachments, [], `volume ${id} is attached to nothing that lives`);
    await client.call("volumev3", `/volumes/${id}`, { method: "DELETE" });
  }
  await eventually(
    () => everything(client),
    (now) => now.volumes.length === 0,
    settleMs,
  );
}

/** What the APIs still show of a cloud whose servers and volumes are all deleted. */
export async function leftovers(client: Client): Promise<string[]> {
  const { ports } = await client.call("network", "/v2.0/ports");
  const ofServers = ports.filter((port: Json) => port.device_owner.startsWith("compute:"));
  const { hypervisor_statistics: hosts } = await client.call("compute", "/os-hypervisors/statistics");
  const { resource_providers: providers } = await client.call("placement", "/resource_providers");
  const used = await Promise.all(
    providers.map(async ({ uuid, name }: Json) => {
      const { usages } = await client.call("placement", `/resource_providers/${uuid}/usages`);
      return Object.entries(usages).flatMap(([kind, amount]) =>
        amount === 0 ? [] : [`${amount} ${kind} of ${name}`],
      );
    }),
  );
  return [
    ...ofServers.map((port: Json) => `port ${port.id} of server ${port.device_id}`),
    ...(hosts.vcpus_used === 0 ? [] : [`${hosts.vcpus_used} vCPUs in use`]),
    ...(hosts.running_vms === 0 ? [] : [`${hosts.running_vms} guests run`]),
    ...used.flat(),
  ];
}

/**
 * What the tables themselves have wrong. Sagas end a moment after what they work on, so this waits for them.
 */
export async function soundTables(cloud: Pick<RunningCloud, "dataDir">): Promise<void> {
  const platform = {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics: metricsRegistry(),
  };
  const path = join(cloud.dataDir, "cloud.db");
  const store = sqliteStore(platform, { path, durability: "process", migrations: [] });
  await eventually(
    () => violations(store),
    (found) => found.length === 0,
    settleMs,
  ).finally(() => store.close());
}
