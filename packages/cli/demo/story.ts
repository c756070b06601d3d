// The demo's story: data written by one server is read back by another after the first is gone.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Client, Json } from "@micronova/client";
import { buildGuestImage } from "@micronova/guest";
import { type Log, systemRandom } from "@micronova/kit";
import { cliErrors } from "../errors.ts";
import * as cloud from "./cloud-calls.ts";
import { type GuestShell, guestShell, type KeyPair, makeKeyPair } from "./guest-shell.ts";
import type { Teller } from "./steps.ts";

export interface StoryDeps {
  readonly client: Client;
  readonly tell: Teller;
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly log: Log;
}

interface Stage extends StoryDeps {
  readonly key: KeyPair;
  readonly keyName: string;
  readonly imageId: string;
  readonly networkId: string;
  readonly flavor: string;
}

/** Throws when anything in it is not as it should be; above all when the data did not come back. */
export async function tellStory(deps: StoryDeps): Promise<void> {
  const { client, tell } = deps;
  const stage = await setStage(deps);
  const secret = Buffer.from(systemRandom.bytes(24)).toString("base64url");
  try {
    const first = await bootServer(stage, "demo-first");
    const volumeId = await makeVolume(stage);
    await attachVolume(stage, first.id, volumeId, "demo-first");
    await tell.step("make a filesystem and write a random text, inside the guest over SSH", () =>
      writeText(first.shell, volumeId, secret),
    );
    tell.note(`wrote ${secret}`);
    await detachVolume(stage, first.id, volumeId);
    await deleteServer(stage, first.id);
    showRootDiskGone(stage, first.id);
    const second = await bootServer(stage, "demo-second");
    await attachVolume(stage, second.id, volumeId, "demo-second");
    const read = await tell.step("read the text back, inside the second guest", () =>
      readText(second.shell, volumeId),
    );
    tell.note(`read  ${read}`);
    if (read !== secret) throw cliErrors.step("Reading the text back", `it is ${read}, not ${secret}.`);
    await showRefusal(stage);
  } finally {
    stage.key.remove();
    await client.call("compute", `/os-keypairs/${stage.keyName}`, { method: "DELETE" });
  }
}

async function setStage(deps: StoryDeps): Promise<Stage> {
  const { client, tell } = deps;
  const guest = await tell.step("build the tiny guest image (kept for the next time)", () =>
    buildGuestImage(deps),
  );
  const imageId = await tell.step("upload it as the image tiny", () =>
    cloud.uploadImage(client, "tiny", guest.disk, "qcow2"),
  );
  const key = await makeKeyPair();
  const keyName = `demo-${systemRandom.uuid().slice(0, 8)}`;
  const keypair = { name: keyName, public_key: key.publicKey };
  await client.call("compute", "/os-keypairs", { method: "POST", body: { keypair } });
  const [networkId, flavor] = await Promise.all([
    cloud.findNetwork(client, "private"),
    cloud.findFlavor(client, "m1.tiny"),
  ]);
  return { ...deps, key, keyName, imageId, networkId, flavor };
}

async function bootServer(stage: Stage, name: string): Promise<{ id: string; shell: GuestShell }> {
  const { client, tell } = stage;
  const id = await cloud.createServer(client, { ...stage, name });
  const get = () => cloud.getServer(client, id);
  await tell.step(`boot the server ${name}`, (progress) => cloud.waitFor(get, "ACTIVE", progress));
  const target = await cloud.sshTarget(client, id);
  const shell = guestShell(target, stage.key);
  await tell.step(`log in to it over SSH at ${target.address}:${target.port}`, () => shell.ready());
  return { id, shell };
}

async function makeVolume({ client, tell }: Stage): Promise<string> {
  return tell.step("make a volume of 1 GB", async (progress) => {
    const body = { volume: { size: 1, name: "demo-data" } };
    const { volume } = await client.call("volumev3", "/volumes", { method: "POST", body });
    await cloud.waitFor(() => cloud.getVolume(client, volume.id), "available", progress);
    return volume.id;
  });
}

async function attachVolume(
  { client, tell }: Stage,
  serverId: string,
  volumeId: string,
  to: string,
): Promise<void> {
  await tell.step(`attach the volume to ${to}`, async () => {
    await cloud.attach(client, serverId, volumeId);
    await cloud.waitAttached(client, serverId, volumeId);
  });
}

async function detachVolume({ client, tell }: Stage, serverId: string, volumeId: string): Promise<void> {
  await tell.step("detach the volume", async (progress) => {
    await cloud.detach(client, serverId, volumeId);
    await cloud.waitFor(() => cloud.getVolume(client, volumeId), "available", progress);
  });
}

async function deleteServer({ client, tell }: Stage, serverId: string): Promise<void> {
  await tell.step("delete the server", async () => {
    await client.call("compute", `/servers/${serverId}`, { method: "DELETE" });
    await cloud.waitGone(() => cloud.getServer(client, serverId));
  });
}

/** Looks at the disk itself, not at what the API says. */
function showRootDiskGone({ dataDir, tell }: Stage, serverId: string): void {
  const left = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.includes(serverId) && !path.startsWith("log"),
  );
  const disks = left.filter((path) => /disk/.test(path));
  if (disks.length > 0)
    throw cliErrors.step("Deleting the server", `its disk is still at ${join(dataDir, disks[0]!)}.`);
  tell.note(`its root disk is gone: no file of ${serverId} is left, the volume is`);
}

// The volume is found by its serial number: the device's name is the guest's to choose.
const findDevice = (volumeId: string) => `
serial=${volumeId.slice(0, 20)}
device=
for attempt in $(seq 100); do
  for block in /sys/block/vd*; do
    [ "$(cat "$block/serial" 2>/dev/null)" = "$serial" ] && device=/dev/\${block##*/}
  done
  [ -n "$device" ] && [ -b "$device" ] && break
  sleep 0.1
done
[ -n "$device" ] || { echo "the volume does not show up in the guest" >&2; exit 1; }
mkdir -p /mnt/demo
`;

async function writeText(shell: GuestShell, volumeId: string, text: string): Promise<void> {
  await shell.sh(`${findDevice(volumeId)}
mke2fs -q -t ext4 "$device"
mount "$device" /mnt/demo
echo ${text} > /mnt/demo/text
sync
umount /mnt/demo
`);
}

async function readText(shell: GuestShell, volumeId: string): Promise<string> {
  const output = await shell.sh(`${findDevice(volumeId)}
mount "$device" /mnt/demo
cat /mnt/demo/text
umount /mnt/demo
`);
  return output.trim();
}

/** A server that no host can hold ends in ERROR, and says why with numbers. */
async function showRefusal(stage: Stage): Promise<void> {
  const { client, tell } = stage;
  const quota = `/os-quota-sets/${client.projectId}`;
  const fault = await tell.step("ask for a server that no host can hold", async () => {
    // The quota would refuse it first, as it should: it is lifted for this one question.
    await client.call("compute", quota, { method: "PUT", body: { quota_set: { cores: -1, ram: -1 } } });
    const flavor = {
      name: `demo-huge-${systemRandom.uuid().slice(0, 8)}`,
      vcpus: 512,
      ram: 8_388_608,
      disk: 1,
    };
    const created = await client.call("compute", "/flavors", { method: "POST", body: { flavor } });
    const id = await cloud.createServer(client, { ...stage, name: "demo-huge", flavor: created.flavor.id });
    const server = await refusedServer(client, id);
    await client.call("compute", `/servers/${id}`, { method: "DELETE" });
    await client.call("compute", `/flavors/${created.flavor.id}`, { method: "DELETE" });
    await client.call("compute", quota, { method: "DELETE" });
    return server.fault?.message ?? "";
  });
  if (!fault.startsWith("No valid host was found."))
    throw cliErrors.step("Explaining the refusal", fault || "no reason.");
  tell.note(`refused: ${fault}`);
}

async function refusedServer(client: Client, id: string): Promise<Json> {
  const get = async () => {
    const server = await cloud.getServer(client, id);
    // Here the error is what is waited for.
    return { ...server, status: server.status === "ERROR" ? "REFUSED" : server.status };
  };
  return cloud.waitFor(get, "REFUSED", () => {});
}
