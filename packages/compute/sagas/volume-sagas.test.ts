// That attaching and detaching survive: the volume, the guest and the tables agree, however the saga is
// disturbed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Uuid } from "@micronova/kit";
import { fakeNetworkDriver } from "@micronova/network";
import type { Saga } from "@micronova/saga";
import {
  everyStepFails,
  everyStepTwice,
  killedAtEveryEffect,
  type SagaWorld,
  type WorldCloud,
} from "@micronova/saga/testing";
import {
  beginDetach,
  completeAttachment,
  fakeVolumeDriver,
  reserveAttachment,
  seedVolume,
  volumes,
  volumeWorkerContract,
} from "@micronova/volume";
import type { VirtDriver } from "../drivers/driver.ts";
import { type FakeDriverOptions, fakeDriver } from "../drivers/fake.ts";
import { allMigrations, aServer, member } from "../testing.ts";
import { computeWorker } from "../worker/worker.ts";
import { type VolumeAttachParams, volumeAttach } from "./volume-attach.ts";
import { volumeDetach } from "./volume-detach.ts";

const migrations = allMigrations.filter(({ id }) => !id.startsWith("saga/"));
const serverId: Uuid = "00000000-0000-4000-8000-000000000001";
const volumeId: Uuid = "30000000-0000-4000-8000-000000000001";
const params: VolumeAttachParams = {
  serverId,
  host: "h1",
  volumeId,
  attachmentId: "40000000-0000-4000-8000-000000000001",
  mappingId: "50000000-0000-4000-8000-000000000001",
  device: "/dev/vdb",
};

async function aGuest(cloud: WorldCloud, options: Partial<FakeDriverOptions> = {}): Promise<VirtDriver> {
  const { platform, rpc } = cloud;
  const nobody = { add() {}, remove() {}, start: async () => {}, stop: async () => {}, beat: async () => {} };
  const reporter = { name: "none", ...nobody };
  const virt = fakeDriver({ platform, ...options });
  const network = fakeNetworkDriver();
  await computeWorker({ platform, rpc, host: "h1", virt, network, reporter }).start();
  await virt.spawn({
    serverId,
    name: "web",
    vcpus: 1,
    memoryMb: 512,
    rootGb: 1,
    ephemeralGb: 0,
    swapMb: 0,
    image: null,
    kernel: null,
    architecture: "x86_64",
    nics: [],
    volumes: [],
    configDrive: null,
  });
  return virt;
}

/** A running server, a volume on the same host, and an attachment that is only reserved. */
function world(isAttached: boolean): SagaWorld<VolumeAttachParams> {
  return {
    migrations,
    async open(cloud) {
      const virt = await aGuest(cloud);
      const disks = fakeVolumeDriver();
      await disks.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
      const exported = new Set<string>();
      await cloud.rpc
        .serve(volumeWorkerContract, "v1", {
          list: async () => ({ volumes: await disks.list() }),
          create: async () => {},
          delete: async () => {},
          extend: async () => {},
          async export({ volumeId: id, initiator }) {
            exported.add(id);
            return disks.export(id, initiator);
          },
          async unexport({ volumeId: id }) {
            exported.delete(id);
          },
          capacity: () => disks.capacity(),
        })
        .start();
      await addRows(cloud, isAttached);
      if (isAttached) {
        const connection = await disks.export(volumeId, { host: "h1" });
        exported.add(volumeId);
        await virt.attachVolume(serverId, { ...connection, device: "/dev/vdb", bootIndex: null });
      }
      return {
        params,
        subject: { kind: "server", id: serverId },
        check: () => verdict(cloud, virt, exported),
      };
    },
  };
}

async function addRows({ store }: WorldCloud, isAttached: boolean): Promise<void> {
  await store.transaction(async (tx) => {
    await seedVolume(tx);
    const columns = { id: serverId, vm_state: "active", task_state: null, host: "h1", launched_at: 1 };
    await tx.insertInto("servers").values(aServer(columns)).execute();
    // Its own saga is not what is tested here: the row is as that saga leaves it.
    const sagas = { start: async () => volumeId } as unknown as Parameters<typeof volumes.create>[1]["sagas"];
    await volumes.create(tx, { sagas }, member, { id: volumeId, size: 1 });
    await volumes.finish(tx, volumeId, "create", { host: "v1", pool: "v1@fake#fake" });
    const { attachmentId, mappingId, device, host } = params;
    await reserveAttachment(tx, member, { attachmentId, volumeId, serverId, host, device });
    await tx
      .insertInto("block_device_mappings")
      .values({
        id: mappingId,
        server_id: serverId,
        volume_id: volumeId,
        attachment_id: attachmentId,
        source_type: "volume",
        destination_type: "volume",
        boot_index: null,
        device_name: device,
        delete_on_termination: 0,
        tag: null,
        created_at: 1,
      })
      .execute();
    if (!isAttached) return;
    await completeAttachment(tx, attachmentId, { device, host });
    await beginDetach(tx, attachmentId);
  });
}

/** How it ended; the volume's status, the guest, the export and the server's rows must say the same. */
async function verdict(
  { store }: WorldCloud,
  virt: VirtDriver,
  exported: ReadonlySet<string>,
): Promise<string> {
  const volume = await volumes.byId(store.read, volumeId);
  const mappings = await store.read.selectFrom("block_device_mappings").select("id").execute();
  const guest = await virt.info(serverId);
  const isUsed = volume?.status === "in-use";
  assert.equal(mappings.length, isUsed ? 1 : 0, `a volume that is ${volume?.status} and its mapping`);
  if (!isUsed) assert.deepEqual([guest?.volumes, [...exported]], [[], []]);
  return volume?.status ?? "gone";
}

function survives(saga: Saga<VolumeAttachParams>, of: SagaWorld<VolumeAttachParams>): void {
  test(`${saga.name} ends well or undone whichever step fails`, () => everyStepFails(saga, of));
  test(`${saga.name} does not mind calls that come twice`, () => everyStepTwice(saga, of));
  test(`${saga.name} survives being killed anywhere`, async () => {
    await killedAtEveryEffect(saga, of);
  });
}

survives(volumeAttach, world(false));
// A detachment names less than an attachment does.
survives(volumeDetach as Saga<VolumeAttachParams>, world(true));
