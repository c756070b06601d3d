// A volume has one user at a time, and its status always says what its attachment is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testContext } from "@micronova/http/testing";
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import {
  attachmentsOf,
  beginDetach,
  completeAttachment,
  removeAttachment,
  reserveAttachment,
  rollDetach,
} from "./attachments.ts";
import { errors } from "./errors.ts";
import { aVolumeCloud, type VolumeCloud } from "./testing.ts";
import { volumes } from "./volumes.ts";

const context = testContext();
const volumeId: Uuid = "11111111-2222-4333-8444-555555555555";
const attachmentId: Uuid = "22222222-2222-4333-8444-555555555555";
const serverId: Uuid = "33333333-2222-4333-8444-555555555555";
const wanted = { attachmentId, volumeId, serverId };

const withVolume = (work: (cloud: VolumeCloud) => Promise<void>) => async () => {
  const cloud = await aVolumeCloud();
  try {
    await cloud.store.transaction((tx) => volumes.create(tx, cloud, context, { id: volumeId, size: 1 }));
    await cloud.settle();
    await work(cloud);
    await cloud.check();
  } finally {
    await cloud.stop();
  }
};

async function statuses(tx: Tx): Promise<readonly (string | undefined)[]> {
  const [attachment] = await attachmentsOf(tx, [volumeId]);
  return [(await volumes.byId(tx, volumeId))?.status, attachment?.attach_status];
}

test(
  "reserve, complete, detach: volume and attachment go together",
  withVolume(async ({ store }) => {
    const seen: (readonly (string | undefined)[])[] = [];
    const step = async (work: (tx: Tx) => Promise<unknown>) => {
      await store.transaction(work);
      seen.push(await statuses(store.read));
    };

    await step((tx) => reserveAttachment(tx, context, wanted));
    await step((tx) => completeAttachment(tx, attachmentId, { device: "/dev/vdb", host: "h1" }));
    await step((tx) => beginDetach(tx, attachmentId));
    await step((tx) => rollDetach(tx, attachmentId));
    await step((tx) => beginDetach(tx, attachmentId));
    await step((tx) => removeAttachment(tx, attachmentId));
    await step((tx) => removeAttachment(tx, attachmentId));

    assert.deepEqual(seen, [
      ["reserved", "reserved"],
      ["in-use", "attached"],
      ["detaching", "detaching"],
      ["in-use", "attached"],
      ["detaching", "detaching"],
      ["available", undefined],
      ["available", undefined],
    ]);
  }),
);

test(
  "of many that want a volume exactly one gets it",
  withVolume(async ({ store, platform }) => {
    const ids = Array.from({ length: 8 }, () => platform.random.uuid());
    const tries = ids.map((id) =>
      store.transaction((tx) => reserveAttachment(tx, context, { ...wanted, attachmentId: id })),
    );

    const results = await Promise.allSettled(tries);

    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    const refused = results.find((result) => result.status === "rejected");
    assert.equal(refused?.reason.kind, errors.cannotReserve.kind);
    const winner = ids[results.findIndex(({ status }) => status === "fulfilled")]!;
    await store.transaction((tx) => completeAttachment(tx, winner, { device: "/dev/vdb", host: "h1" }));
  }),
);

test(
  "what compute attached only compute ends",
  withVolume(async ({ store, call }) => {
    await store.transaction(async (tx) => {
      await reserveAttachment(tx, context, wanted);
      await completeAttachment(tx, attachmentId, { device: "/dev/vdb", host: "h1" });
    });
    const root = `/volume/v3/${context.projectId}`;
    const headers = { "OpenStack-API-Version": "volume 3.27" };
    const actions = ["os-detach", "os-begin_detaching", "os-unreserve", "os-force_detach", "os-reset_status"];

    const answers = await Promise.all(
      actions.map((name) => {
        const body = { [name]: name === "os-reset_status" ? { status: "available" } : {} };
        return call("admin", "POST", `/volume/v3/volumes/${volumeId}/action`, { body });
      }),
    );
    const ended = await call("member", "DELETE", `${root}/attachments/${attachmentId}`, { headers });

    assert.deepEqual(
      answers.map(({ status }) => status),
      [409, 409, 409, 409, 409],
    );
    assert.equal(ended.status, 409);
    assert.deepEqual(await statuses(store.read), ["in-use", "attached"]);
  }),
);
