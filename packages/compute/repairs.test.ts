// What is broken behind the cloud's back is found, named, and mended by sagas: one case for each repair.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemContext, type Uuid } from "@micronova/kit";
import { examine, invariantWatch, mend } from "@micronova/operations";
import { auditLog } from "@micronova/saga";
import {
  quietVolumeInvariants,
  volumeInspections,
  volumeInvariants,
  volumeRepairs,
  volumeWorkerContract,
} from "@micronova/volume";
import { computeInspections } from "./inspections.ts";
import { computeInvariants } from "./invariants.ts";
import { computeRepairs } from "./repairs.ts";
import { type TestCloud, testCloud } from "./testing.ts";

const checks = {
  invariants: [...volumeInvariants, ...quietVolumeInvariants, ...computeInvariants],
  inspections: [...computeInspections, ...volumeInspections],
  repairs: { ...volumeRepairs, ...computeRepairs },
};
const request = systemContext("11111111-1111-4111-8111-111111111111");
const nobody: Uuid = "99999999-9999-4999-8999-999999999999";

interface Scene {
  readonly cloud: TestCloud;
  readonly serverId: Uuid;
  readonly volumeId: Uuid;
}

/** A server with a port and a volume, all well. */
async function aScene(): Promise<Scene> {
  const cloud = await testCloud();
  const volumeId = await cloud.volume();
  const serverId = await cloud.boot();
  await cloud.reaches(serverId, "ACTIVE");
  const body = { volumeAttachment: { volumeId } };
  await cloud.ask({ method: "POST", path: `/servers/${serverId}/os-volume_attachments`, body });
  await cloud.until(
    "the volume is attached",
    async () => (await guestOf({ cloud, serverId, volumeId }))?.volumes.length === 1,
  );
  await cloud.until("all rules hold", async () => (await look(cloud)).length === 0);
  // What began in this very millisecond counts as under way.
  await cloud.platform.clock.advance(1_000);
  return { cloud, serverId, volumeId };
}

async function look(cloud: TestCloud) {
  const { findings, unanswered } = await driven(
    cloud,
    examine({ ...cloud, checks }, request, "tables and hosts"),
  );
  assert.deepEqual(unanswered, []);
  return findings;
}

/** Lets messages and timers pass while something waits for them. */
async function driven<T>(cloud: TestCloud, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  void work.then(done, done);
  await cloud.until("it is done", async () => isDone);
  return work;
}

async function guestOf({ cloud, serverId }: Scene) {
  const found = await Promise.all([...cloud.drivers.values()].map((driver) => driver.info(serverId)));
  return found.find((guest) => guest !== null) ?? null;
}

const hostOf = async ({ cloud, serverId }: Scene) =>
  (
    await cloud.store.read
      .selectFrom("servers")
      .select("host")
      .where("id", "=", serverId)
      .executeTakeFirstOrThrow()
  ).host!;

const change = ({ cloud, serverId }: Scene, columns: Record<string, unknown>) =>
  cloud.store.transaction((tx) =>
    tx.updateTable("servers").set(columns).where("id", "=", serverId).execute(),
  );

interface Case {
  readonly broken: string;
  breaks(scene: Scene): Promise<unknown>;
  /** The rules that are found broken. */
  readonly rules: readonly string[];
  /** The server's status after the repair; null when it is gone. */
  readonly status: string | null;
  afterwards?(scene: Scene): Promise<void>;
}

const task = "no server has a task";
const onHost = "every server's guest is on its host";
const claims = "allocations are exactly those of servers on hosts";
const disks = "a volume's attachment to a server is a disk of that server";
const inGuest = "a guest has the volumes of its server";

const cases: readonly Case[] = [
  {
    broken: "a task that nobody works on",
    breaks: (scene) => change(scene, { task_state: "rebooting" }),
    rules: [task],
    status: "ACTIVE",
  },
  {
    broken: "a deletion that was forgotten",
    breaks: (scene) => change(scene, { task_state: "deleting" }),
    rules: [task],
    status: null,
  },
  {
    broken: "a build that was forgotten",
    breaks: (scene) => change(scene, { vm_state: "building", task_state: "spawning", launched_at: null }),
    rules: [task],
    status: "ERROR",
    afterwards: async (scene) => assert.equal(await guestOf(scene), null),
  },
  {
    broken: "a guest that is gone",
    breaks: async (scene) => scene.cloud.drivers.get(await hostOf(scene))!.destroy(scene.serverId),
    rules: [onHost],
    status: "ERROR",
  },
  {
    broken: "allocations that were lost",
    breaks: ({ cloud, serverId }) =>
      cloud.store.transaction((tx) =>
        tx.deleteFrom("allocations").where("consumer_id", "=", serverId).execute(),
      ),
    rules: [claims],
    status: "ACTIVE",
  },
  {
    broken: "a disk that is attached to nothing",
    breaks: ({ cloud, volumeId }) =>
      cloud.store.transaction(async (tx) => {
        await tx.deleteFrom("volume_attachments").where("volume_id", "=", volumeId).execute();
        await tx.updateTable("volumes").set({ status: "available" }).where("id", "=", volumeId).execute();
      }),
    rules: [disks, inGuest],
    status: "ACTIVE",
    afterwards: async (scene) => assert.deepEqual((await guestOf(scene))?.volumes, []),
  },
  {
    broken: "a disk that the guest lost",
    async breaks({ cloud, serverId, volumeId }) {
      for (const driver of cloud.drivers.values())
        if ((await driver.info(serverId)) !== null) await driver.detachVolume(serverId, volumeId);
    },
    rules: [inGuest],
    status: "ACTIVE",
    afterwards: async (scene) => assert.deepEqual((await guestOf(scene))?.volumes, [scene.volumeId]),
  },
  {
    broken: "an attachment that was forgotten half way",
    breaks: ({ cloud, volumeId }) =>
      cloud.store.transaction(async (tx) => {
        const half = { attach_status: "detaching" } as const;
        await tx.updateTable("volume_attachments").set(half).where("volume_id", "=", volumeId).execute();
        await tx.updateTable("volumes").set({ status: "detaching" }).where("id", "=", volumeId).execute();
      }),
    rules: ["no volume is on its way to a server, or back"],
    status: "ACTIVE",
    afterwards: async (scene) => assert.deepEqual((await guestOf(scene))?.volumes, [scene.volumeId]),
  },
  {
    broken: "a guest of a server that lives elsewhere",
    breaks: async (scene) => {
      const host = await hostOf(scene);
      const other = [...scene.cloud.drivers.keys()].find((name) => name !== host)!;
      await scene.cloud.drivers.get(other)!.spawn({ ...spec, serverId: scene.serverId });
    },
    rules: ["a host runs no guests but its own", inGuest],
    status: "ACTIVE",
  },
  {
    broken: "cards of a server that is deleted",
    breaks: (scene) => change(scene, { deleted_at: 1, vm_state: "deleted" }),
    rules: [claims, "cards and disks belong to living servers", "a host runs no guests but its own"],
    status: null,
    afterwards: async (scene) => assert.equal(await guestOf(scene), null),
  },
];

const spec = {
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
} as const;

for (const { broken, breaks, rules, status, afterwards } of cases) {
  test(`${broken}: found, and mended`, async () => {
    const scene = await aScene();
    const { cloud, serverId } = scene;
    await breaks(scene);

    const findings = await look(cloud);
    assert.deepEqual([...new Set(findings.map(({ rule }) => rule))].toSorted(), rules.toSorted());

    await driven(cloud, mend({ ...cloud, checks }, request, null));
    await cloud.until("all rules hold", async () => (await look(cloud)).length === 0);
    if (status === null) await cloud.gone(serverId);
    else await cloud.reaches(serverId, status);
    await afterwards?.(scene);
    await cloud.stop();
  });
}

test("a guest that no table knows is named and left alone", async () => {
  const { cloud } = await aScene();
  const driver = cloud.drivers.get("h1")!;
  await driver.spawn({ ...spec, serverId: nobody });

  const [finding] = await look(cloud);
  const mended = await driven(cloud, mend({ ...cloud, checks }, request, null));

  assert.match(finding!.text, /which no table knows/);
  assert.deepEqual(
    mended.map(({ sagaId }) => sagaId),
    [null],
  );
  assert.notEqual(await driver.info(nobody), null);
  await cloud.stop();
});

test("bytes of a volume are wiped only where the log proves that they were ours", async () => {
  const { cloud } = await aScene();
  const ours = await cloud.volume();
  const worker = cloud.rpc.on(volumeWorkerContract, "control", { context: request });
  await driven(cloud, worker.create({ volumeId: nobody, sizeGb: 1, source: { kind: "blank" } }));
  await cloud.store.transaction((tx) => tx.deleteFrom("volumes").where("id", "=", ours).execute());
  // What was made in this very millisecond may still be under way.
  await cloud.platform.clock.advance(1_000);
  await cloud.until("both are found", async () => (await look(cloud)).length === 2);

  await driven(cloud, mend({ ...cloud, checks }, request, null));
  await cloud.until("ours is gone", async () => (await look(cloud)).length === 1);

  const [left] = await look(cloud);
  assert.equal(left?.about.id, nobody);
  const written = await auditLog(cloud.store.read, 10);
  assert.deepEqual(
    written.map(({ action, about }) => [action, about.id]),
    [["volume-orphan-delete", ours]],
  );
  await cloud.stop();
});

test("what is under way is let be", async () => {
  const { cloud, serverId } = await aScene();

  await cloud.ask({ method: "POST", path: `/servers/${serverId}/action`, body: { "os-stop": null } });
  const findings = await look(cloud);

  assert.deepEqual(findings, []);
  await cloud.stop();
});

test("a finding that is not there is refused by name", async () => {
  const { cloud } = await aScene();

  await assert.rejects(
    driven(cloud, mend({ ...cloud, checks }, request, ["0123456789"])),
    /no finding 0123456789/,
  );
  await cloud.stop();
});

test("a worker that reports and takes no work is deaf: it is named, and gets no servers", async () => {
  const cloud = await testCloud({ hosts: 1 });
  cloud.broker.host.deleteQueue("compute.h1");

  await driven(cloud, cloud.beat());

  const [finding] = await look(cloud);
  assert.match(finding!.text, /nova-compute on h1 is deaf since/);
  const { body } = await cloud.ask({ path: "/os-services?host=h1", token: "admin" });
  assert.equal((body as { services: { state: string }[] }).services[0]?.state, "down");
  const id = await cloud.boot();
  const { fault } = await cloud.reaches(id, "ERROR");
  assert.match((fault as { message: string }).message, /1 host: 1 deaf/);
  await cloud.stop();
});

test("what is found twice in a row is mended by the cloud itself, where no person need look first", async () => {
  const scene = await aScene();
  const { cloud, serverId } = scene;
  const watch = invariantWatch({ ...cloud, checks });
  await watch.start();
  await change(scene, { task_state: "rebooting" });
  const lost = await cloud.boot();
  await cloud.reaches(lost, "ACTIVE");
  for (const driver of cloud.drivers.values()) await driver.destroy(lost);

  // Hosts that do not report would not be asked.
  for (let minute = 0; minute < 15; minute++) {
    await driven(cloud, cloud.beat());
    await cloud.platform.clock.advance(60_000);
  }
  await driven(cloud, cloud.beat());
  await cloud.reaches(serverId, "ACTIVE");

  const [left, ...more] = await look(cloud);
  assert.equal(left?.about.id, lost);
  assert.deepEqual(more, []);
  await watch.stop();
  await cloud.stop();
});
