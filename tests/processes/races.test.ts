// Two at once on one thing, on a running cloud: one wins, the other is told so, and nothing is left half
// made.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Client } from "@micronova/client";
import {
  bootServer,
  deleteEverything,
  everything,
  leftovers,
  quiet,
  serverIs,
  settleMs,
  smallImage,
  soundTables,
  volumeIs,
} from "../support/demo-work.ts";
import { eventually, type RunningCloud, startCloud } from "../support/running-cloud.ts";

describe("two at once on one thing", () => {
  let cloud: RunningCloud;
  let client: Client;
  let imageRef: string;

  before(async () => {
    cloud = await startCloud({ virt: "fake", fakeHosts: 2, fakeDelayMs: 150 });
    client = await cloud.client();
    imageRef = await smallImage(client);
  });
  after(() => cloud?.destroy());

  const boot = (name: string) => bootServer(client, { name, imageRef });

  async function bootActive(name: string): Promise<string> {
    const id = await boot(name);
    await serverIs(client, id, "ACTIVE");
    return id;
  }

  async function newVolume(): Promise<string> {
    const body = { volume: { size: 1 } };
    const { volume } = await client.call("volumev3", "/volumes", { method: "POST", body });
    await volumeIs(client, volume.id, "available");
    return volume.id;
  }

  const attach = (serverId: string, volumeId: string) =>
    client.call("compute", `/servers/${serverId}/os-volume_attachments`, {
      method: "POST",
      body: { volumeAttachment: { volumeId } },
    });
  const remove = (id: string) => client.call("compute", `/servers/${id}`, { method: "DELETE" });

  /** Deletes all there is and sees that nothing stays. */
  async function cleared(): Promise<void> {
    await quiet(client);
    await soundTables(cloud);
    await deleteEverything(client);
    await soundTables(cloud);
    await eventually(
      () => leftovers(client),
      (left) => left.length === 0,
      settleMs,
    );
  }

  test("a volume is attached to one of two servers, and the other is refused", async () => {
    const servers = [await bootActive("one"), await bootActive("two")];
    const volumeId = await newVolume();

    const asked = [...servers, ...servers].map((id) => attach(id, volumeId));
    const answers = await Promise.allSettled(asked);

    assert.deepEqual(statuses(answers), [200, 400, 400, 400]);
    await volumeIs(client, volumeId, "in-use");
    const { volume } = await client.call("volumev3", `/volumes/${volumeId}`);
    assert.equal(volume.attachments.length, 1);
    await cleared();
  });

  test("a server that is deleted takes its volume off first, which is free again", async () => {
    const serverId = await bootActive("with-volume");
    const volumeId = await newVolume();
    await attach(serverId, volumeId);
    await volumeIs(client, volumeId, "in-use");

    await remove(serverId);

    await volumeIs(client, volumeId, "available");
    await cleared();
  });

  test("a server that is deleted while a volume is being attached goes, and the volume is free", async () => {
    const serverId = await bootActive("going");
    const volumeId = await newVolume();
    await attach(serverId, volumeId);

    await remove(serverId);

    await eventually(
      () => everything(client),
      ({ servers }) => servers.length === 0,
      settleMs,
    );
    await volumeIs(client, volumeId, "available");
    await cleared();
  });

  test("servers that are deleted anywhere in their making are gone", async () => {
    const pausesMs = [0, 20, 60, 120, 200, 350];
    const made = pausesMs.map(async (ms, n) => {
      const id = await boot(`short-${n}`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      await remove(id);
    });
    await Promise.all(made);

    await eventually(
      () => everything(client),
      ({ servers }) => servers.length === 0,
      settleMs,
    );
    await cleared();
  });

  test("a server that is deleted twice at once is gone once", async () => {
    const id = await bootActive("twice");

    const answers = await Promise.allSettled([remove(id), remove(id), remove(id)]);

    for (const status of statuses(answers)) assert.ok([200, 404].includes(status), `answered ${status}`);
    await cleared();
  });
});

function statuses(answers: readonly PromiseSettledResult<unknown>[]): number[] {
  return answers.map((answer) => (answer.status === "fulfilled" ? 200 : answer.reason.status)).toSorted();
}
