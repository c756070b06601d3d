// What was promised in numbers. SIM_SEEDS says in how many clouds the quota is raced for: the promised
// thousand take more than a minute of a core. SIM_HOSTS says how many hosts there are where they are many.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@micronova/kit";
import { during } from "./scenario.ts";
import { type Scene, withScene } from "./scene.ts";

const boots = 1_000;
const manyHosts = Number(process.env["SIM_HOSTS"] ?? 300);
const quotaSeeds = Number(process.env["SIM_SEEDS"] ?? 300);

test(`${boots} boots over a bus that loses, repeats and delays, with the broker gone once`, async () => {
  const seed = 20_261_123;
  await withScene({ seed, hosts: 10 }, async (scene) => {
    const { cloud } = scene;
    const { world } = cloud;
    const random = seededRandom(seed);
    await unlimited(scene);
    Object.assign(world.faults, { lost: 0.05, repeated: 0.05, delayed: 0.05 });
    world.clock.wakeIn(30_000, () => void cloud.cable.stop());
    world.clock.wakeIn(35_000, () => cloud.cable.start());

    const asked = Array.from({ length: boots }, async () => {
      await world.pause(random.int(60_000));
      return scene.askToBoot();
    });
    const answers = await during(cloud, Promise.all(asked));
    cloud.heal();
    await scene.quiet();

    assert.ok(answers.every((answer) => answer?.status === 202));
    const servers = await cloud.store.read
      .selectFrom("servers")
      .select(["id", "vm_state", "fault"])
      .where("deleted_at", "is", null)
      .execute();
    assert.equal(servers.length, boots);
    for (const { id, vm_state, fault } of servers)
      assert.ok(vm_state === "active" || (vm_state === "error" && fault !== null), `${id} is ${vm_state}`);
    const guests = (await Promise.all(cloud.hosts.map(({ virt }) => virt.list()))).flat();
    const active = servers.filter(({ vm_state }) => vm_state === "active").map(({ id }) => id);
    assert.deepEqual(guests.map(({ serverId }) => serverId).toSorted(), active.toSorted());
    assert.ok(active.length > boots * 0.99, `${active.length} are ACTIVE`);
    await scene.sound();
  });
});

/** Quotas are not what is tried here. */
async function unlimited(scene: Scene): Promise<void> {
  const project = "5".repeat(32);
  const compute = { quota_set: { instances: -1, cores: -1, ram: -1 } };
  await scene.done(scene.ask("PUT", `/compute/v2.1/os-quota-sets/${project}`, compute, "admin"));
  const network = { quota: { port: -1 } };
  await scene.done(scene.ask("PUT", `/network/v2.0/quotas/${project}`, network, "admin"));
}

test(`a hundred creates at once on a quota of ten: exactly ten, in ${quotaSeeds} clouds`, async () => {
  for (let seed = 1; seed <= quotaSeeds; seed++)
    await withScene({ seed, hosts: 1, only: ["api"] }, async (scene) => {
      const { cloud } = scene;
      // As clients on many machines are, and no two clouds alike.
      const asked = Array.from({ length: 100 }, async () => {
        await cloud.world.pause(cloud.world.random.int(5));
        return scene.askToBoot({ networks: "none" });
      });
      const answers = await during(cloud, Promise.all(asked));

      const counts = Map.groupBy(answers, (answer) => answer?.status ?? 0);
      assert.deepEqual(
        [counts.get(202)?.length, counts.get(403)?.length],
        [10, 90],
        `seed ${seed}: ${JSON.stringify([...counts.keys()])}`,
      );
      const rows = await cloud.store.read.selectFrom("servers").select("id").execute();
      assert.equal(rows.length, 10, `seed ${seed}`);
    });
});

test(`${manyHosts} hosts, each a process of its own, are all known and up, and servers spread over them`, async () => {
  const servers = 10;
  await withScene({ seed: 9, hosts: manyHosts }, async (scene) => {
    const { cloud } = scene;
    // All have reported again since the first time.
    await cloud.run(30_000);
    const boots = Array.from({ length: servers }, () => scene.askToBoot());
    const answers = await during(cloud, Promise.all(boots));
    await scene.quiet();

    assert.ok(answers.every((answer) => answer?.status === 202));
    const since = cloud.world.clock.now() - 60_000;
    const up = await cloud.store.read
      .selectFrom("compute_services")
      .select("host")
      .where("binary", "=", "nova-compute")
      .where("last_seen", ">=", since)
      .execute();
    assert.equal(up.length, manyHosts);
    const rows = await cloud.store.read.selectFrom("servers").select(["vm_state", "host"]).execute();
    assert.deepEqual(new Set(rows.map(({ vm_state }) => vm_state)), new Set(["active"]));
    assert.ok(new Set(rows.map(({ host }) => host)).size > servers / 2, "they crowd");
    await scene.sound();
  });
});

test("a server may be deleted at every moment of its building", async () => {
  const moments = await withScene({ seed: 5 }, async (scene) => {
    const before = scene.cloud.world.effects;
    await scene.server();
    return scene.cloud.world.effects - before;
  });
  assert.ok(moments > 10, `${moments} moments`);
  for (let moment = 0; moment < moments; moment++)
    await withScene({ seed: 5 }, async (scene) => {
      const { world } = scene.cloud;
      const first = world.effects;
      const booted = Promise.withResolvers<string>();
      const deleted = Promise.withResolvers<unknown>();
      world.watch = ({ at }) => {
        if (at < first + moment) return;
        world.watch = null;
        const remove = async (id: string) => scene.ask("DELETE", `/compute/v2.1/servers/${id}`);
        deleted.resolve(booted.promise.then(remove));
      };
      const answer = await during(scene.cloud, scene.askToBoot());
      assert.equal(answer?.status, 202);
      const id = (answer.body as { server: { id: string } }).server.id;
      booted.resolve(id);
      await during(scene.cloud, deleted.promise);
      await scene.quiet();

      assert.equal(await scene.status(id), null, `at moment ${moment}`);
      await scene.sound();
    });
});

test("a conductor that freezes anywhere and wakes when another has its work does no harm", async () => {
  const effects = await withScene({ seed: 6 }, async (scene) => {
    const before = scene.cloud.world.effects;
    await scene.server();
    return scene.cloud.world.effects - before;
  });
  let frozen = 0;
  for (let moment = 0; moment < effects; moment++)
    await withScene({ seed: 6 }, async (scene) => {
      const { cloud } = scene;
      const first = cloud.world.effects;
      cloud.world.watch = ({ at, life }) => {
        if (at !== first + moment || !life.name.startsWith("conductor")) return;
        frozen++;
        const process = cloud.process(life.name);
        process.freeze();
        // Beyond its lease.
        cloud.world.clock.wakeIn(25_000, () => process.thaw());
      };
      const id = await scene.server();
      await cloud.run(30_000);
      await scene.quiet();

      assert.equal(await scene.status(id), "ACTIVE", `at moment ${moment}`);
      await scene.sound();
    });
  assert.ok(frozen > 5, `${frozen} times`);
});
