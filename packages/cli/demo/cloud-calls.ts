// What the demo asks of the cloud, over its public APIs, as any client would.
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { Client, Json } from "@micronova/client";
import { cliErrors } from "../errors.ts";
import type { SshTarget } from "./guest-shell.ts";

export interface ServerRequest {
  readonly name: string;
  readonly imageId: string;
  readonly flavor: string;
  readonly networkId: string;
  readonly keyName: string;
}

// The newest version the demo's bodies are written for.
const microversion = "2.79";

/** Uploads an image, or finds the one already there with the same name and size. */
export async function uploadImage(
  client: Client,
  name: string,
  path: string,
  format: string,
): Promise<string> {
  const known = await client.call("image", `/v2/images?name=${name}&status=active`);
  if (known.images.length > 0) return known.images[0].id;
  const body = { name, disk_format: format, container_format: "bare", visibility: "public" };
  const image = await client.call("image", "/v2/images", { method: "POST", body });
  const bytes = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  const headers = { "content-type": "application/octet-stream" };
  await client.call("image", `/v2/images/${image.id}/file`, { method: "PUT", bytes, headers });
  return image.id;
}

export async function findNetwork(client: Client, name: string): Promise<string> {
  const { networks } = await client.call("network", `/v2.0/networks?name=${name}`);
  if (networks.length === 0) throw cliErrors.step("Finding the network", `there is no network ${name}.`);
  return networks[0].id;
}

export async function findFlavor(client: Client, name: string): Promise<string> {
  const { flavors } = await client.call("compute", "/flavors");
  const found = flavors.find((flavor: Json) => flavor.name === name);
  if (found === undefined) throw cliErrors.step("Finding the flavor", `there is no flavor ${name}.`);
  return found.id;
}

export async function createServer(client: Client, request: ServerRequest): Promise<string> {
  const server = {
    name: request.name,
    imageRef: request.imageId,
    flavorRef: request.flavor,
    key_name: request.keyName,
    networks: [{ uuid: request.networkId }],
  };
  const answer = await client.call("compute", "/servers", { method: "POST", body: { server }, microversion });
  return answer.server.id;
}

export const getServer = async (client: Client, id: string): Promise<Json> =>
  (await client.call("compute", `/servers/${id}`, { microversion })).server;

export const getVolume = async (client: Client, id: string): Promise<Json> =>
  (await client.call("volumev3", `/volumes/${id}`)).volume;

/**
 * Asks until the resource has the wanted status; an error status ends the wait with the reason the cloud
 * gives.
 */
export async function waitFor(
  get: () => Promise<Json>,
  wanted: string,
  progress: (text: string) => void,
): Promise<Json> {
  const until = performance.now() + waitTimeoutMs;
  for (;;) {
    const resource = await get();
    const { status } = resource;
    if (status === wanted) return resource;
    progress(status);
    if (status.toLowerCase().startsWith("error")) {
      throw cliErrors.step(`Waiting for ${wanted}`, resource.fault?.message ?? `it is in status ${status}.`);
    }
    if (performance.now() > until) throw cliErrors.step(`Waiting for ${wanted}`, `it is still ${status}.`);
    // The APIs have no push; this is how every client waits.
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/**
 * Asks until the volume is in use; when the attachment is taken back, says why, as the server's events have
 * it.
 */
export async function waitAttached(client: Client, serverId: string, volumeId: string): Promise<void> {
  const until = performance.now() + waitTimeoutMs;
  while (performance.now() < until) {
    const { status } = await getVolume(client, volumeId);
    if (status === "in-use") return;
    if (status === "available")
      throw cliErrors.step("Attaching the volume", await lastFailure(client, serverId));
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw cliErrors.step("Attaching the volume", "it is not in use after all this time.");
}

async function lastFailure(client: Client, serverId: string): Promise<string> {
  const path = `/servers/${serverId}/os-instance-actions`;
  const [{ request_id: id }] = (await client.call("compute", path, { microversion })).instanceActions;
  const { instanceAction } = await client.call("compute", `${path}/${id}`, { microversion: "2.84" });
  const failed = instanceAction.events.find((event: Json) => event.result === "Error");
  return failed?.details ?? `the server's events of ${id} tell more.`;
}

/** Asks until the resource is gone. */
export async function waitGone(get: () => Promise<Json>): Promise<void> {
  const until = performance.now() + waitTimeoutMs;
  while (performance.now() < until) {
    try {
      await get();
    } catch (error) {
      if (error instanceof Error && "status" in error && error.status === 404) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw cliErrors.step("Waiting for the deletion", "it is still there.");
}

/** The server's address; where the host's network is left alone, the port that QEMU forwards to it. */
export async function sshTarget(client: Client, serverId: string): Promise<SshTarget> {
  const { ports } = await client.call("network", `/v2.0/ports?device_id=${serverId}`);
  const forwarded = ports[0]?.["binding:vif_details"]?.ssh_port;
  if (forwarded !== undefined) return { address: "127.0.0.1", port: forwarded };
  return { address: ports[0].fixed_ips[0].ip_address, port: 22 };
}

export async function attach(client: Client, serverId: string, volumeId: string): Promise<void> {
  const body = { volumeAttachment: { volumeId } };
  await client.call("compute", `/servers/${serverId}/os-volume_attachments`, { method: "POST", body });
}

export async function detach(client: Client, serverId: string, volumeId: string): Promise<void> {
  await client.call("compute", `/servers/${serverId}/os-volume_attachments/${volumeId}`, {
    method: "DELETE",
  });
}

// The slowest wait is an emulated guest's boot on a busy machine.
const waitTimeoutMs = 300_000;
const pollMs = 100;
