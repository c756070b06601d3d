// That sagas survive: every step failing, every call twice, every call late, killed at every effect. The
// world is the real worker over the fake driver; the tables and the host must agree afterwards, and nothing
// may be left over.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Uuid } from "@micronova/kit";
import { fakeNetworkDriver, seedNetwork } from "@micronova/network";
import { allocationsOn, claim } from "@micronova/placement";
import type { Outcome, Saga } from "@micronova/saga";
import {
  everyCallComesLate,
  everyStepFails,
  everyStepTwice,
  killedAtEveryEffect,
  type SagaWorld,
  type WorldCloud,
} from "@micronova/saga/testing";
import type { Tx } from "@micronova/store";
import { computeDefaults } from "../config.ts";
import type { VirtDriver } from "../drivers/driver.ts";
import { fakeDriver } from "../drivers/fake.ts";
import { recordHost } from "../hosts.ts";
import { makePorts, type RequestedPort } from "../interfaces.ts";
import { computeInvariants } from "../invariants.ts";
import { schedulerContract } from "../scheduler-contract.ts";
import { addMigration } from "../server-migrations.ts";
import { flavorOf } from "../server-show.ts";
import type { FlavorCopy, Server } from "../tables.ts";
import { allMigrations, aServer, member } from "../testing.ts";
import { computeWorker } from "../worker/worker.ts";
import { type ServerCreateParams, serverCreate } from "./server-create.ts";
import { serverDelete } from "./server-delete.ts";
import { type ServerMigrateParams, serverMigrate } from "./server-migrate.ts";
import { serverStart } from "./server-start.ts";
import { serverStop } from "./server-stop.ts";
import type { ServerActionParams } from "./simple-action.ts";

const migrations = allMigrations.filter(({ id }) => !id.startsWith("saga/"));
const serverId: Uuid = "00000000-0000-4000-8000-000000000001";
const subject = { kind: "server", id: serverId };
const hosts = ["h1", "h2"].map((host, at) => ({
  host,
  nodeId: `10000000-0000-4000-8000-00000000000${at}`,
  node: host,
  availabilityZone: "nova",
}));
const request: ServerCreateParams["request"] = {
  serverId,
  projectId: member.projectId ?? "",
  flavor: { name: "m1.tiny", vcpus: 1, memoryMb: 512, diskGb: 1, extraSpecs: {} },
  imageProperties: {},
  availabilityZone: null,
  forceHost: null,
  requestedHost: null,
  hints: {},
};

interface World {
  readonly drivers: readonly VirtDriver[];
  readonly port: RequestedPort;
}

/** Two hosts and a network; a server's row in the given state. */
async function aWorld(cloud: WorldCloud, server: Partial<Server>): Promise<World> {
  const { platform, store, rpc } = cloud;
  const nobody = { add() {}, remove() {} };
  const reporter = {
    name: "none",
    start: async () => {},
    stop: async () => {},
    beat: async () => {},
    ...nobody,
  };
  const drivers: VirtDriver[] = [];
  for (const { host, nodeId } of hosts) {
    const virt = fakeDriver({ platform });
    drivers.push(virt);
    const network = fakeNetworkDriver();
    await computeWorker({ platform, rpc, host, virt, network, reporter }).start();
    const inventory = await virt.inventory();
    await store.transaction((tx) => recordHost(tx, { host, nodeId, inventory }, computeDefaults));
  }
  const networkId = await store.transaction(async (tx) => {
    await seedNetwork(tx, { adminProjectId: "1".repeat(32), demoProjectId: member.projectId ?? "" });
    await tx
      .insertInto("servers")
      .values(aServer({ id: serverId, ...server }))
      .execute();
    const network = await tx
      .selectFrom("networks")
      .select("id")
      .where("name", "=", "private")
      .executeTakeFirst();
    return network?.id ?? "";
  });
  const port = {
    portId: "20000000-0000-4000-8000-000000000001",
    networkId,
    fixedIp: null,
    tag: null,
    isPreexisting: false,
    securityGroups: ["default"],
  };
  return { drivers, port };
}

/** How it ended: the server's state, and that the hosts and the tables say the same. */
async function verdict(tx: Tx, { drivers }: World): Promise<string> {
  const server = await tx
    .selectFrom("servers")
    .selectAll()
    .where("id", "=", serverId)
    .executeTakeFirstOrThrow();
  for (const { name, find } of computeInvariants) assert.deepEqual(await find(tx), [], name);
  const guests = (await Promise.all(drivers.map((driver) => driver.list()))).flat();
  const ports = await tx.selectFrom("ports").select("id").where("device_id", "=", serverId).execute();
  const cards = await tx.selectFrom("server_interfaces").selectAll().execute();
  assert.equal(ports.length, cards.length, "each port has its card");
  // A deletion that failed half way leaves less on the host than in the tables, and is asked for again.
  const isEqual =
    server.vm_state === "error" ? guests.length <= cards.length : guests.length === cards.length;
  assert(isEqual, "a guest and its port come and go together");
  const powers = guests.map(({ power }) => power).join();
  // Whatever went wrong, the fault names the server and the request and says what to do.
  if (server.fault !== null)
    assert.match(
      server.fault,
      /(?:[Aa]gain|smaller flavor).* Server 0{8}-[0-9a-f-]+, request req-[0-9a-f-]{36}\./,
    );
  return [server.vm_state, server.task_state, powers, server.fault === null ? "" : "fault"].join(" ");
}

function createWorld(): SagaWorld<ServerCreateParams> {
  return {
    migrations,
    async open(cloud) {
      const world = await aWorld(cloud, {});
      const choose = async ({ ignoreHosts }: { ignoreHosts: readonly string[] }) => ({
        candidates: hosts.filter(({ host }) => !ignoreHosts.includes(host)),
      });
      await cloud.rpc.serve(schedulerContract, null, { select_destinations: choose }).start();
      const params = {
        serverId,
        userId: "user",
        request,
        ports: [world.port],
        hostname: "web",
        hasVolumes: false,
        dhcpDomain: "novalocal",
      };
      return { params, subject, check: () => verdict(cloud.store.read, world) };
    },
  };
}

/** A server that runs on the first host, with the state that the saga's action has taken. */
async function aRunningServer(cloud: WorldCloud, server: Partial<Server>): Promise<World> {
  const [{ host, nodeId, node }] = hosts as [(typeof hosts)[0]];
  const world = await aWorld(cloud, { host, node_id: nodeId, node, launched_at: 1, ...server });
  const resources = { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 };
  await cloud.store.transaction(async (tx) => {
    await claim(tx, { consumerId: serverId, projectId: "p", userId: "u", providerId: nodeId, resources });
    await makePorts(tx, member, { serverId, serverName: "web", host, ports: [world.port] });
  });
  await world.drivers[0]?.spawn({
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
  return world;
}

function actionWorld<P extends { readonly serverId: Uuid }>(
  params: P,
  server: Partial<Server>,
  prepare: (driver: VirtDriver) => Promise<void> = async () => {},
): SagaWorld<P> {
  return {
    migrations,
    async open(cloud) {
      const world = await aRunningServer(cloud, server);
      for (const driver of world.drivers.slice(0, 1)) await prepare(driver);
      return { params, subject, check: (_outcome: Outcome) => verdict(cloud.store.read, world) };
    },
  };
}

const params: ServerActionParams = { serverId, host: "h1" };
const active = { vm_state: "active", power_state: 1 };
const deleteWorld = actionWorld({ serverId }, { ...active, task_state: "deleting" });

function survives<P>(saga: Saga<P>, world: SagaWorld<P>): void {
  test(`${saga.name} ends well or undone whichever step fails`, () => everyStepFails(saga, world));
  test(`${saga.name} does not mind calls that come twice`, () => everyStepTwice(saga, world));
  test(`${saga.name} survives being killed anywhere`, async () => {
    await killedAtEveryEffect(saga, world);
  });
}

test("no call of server-delete comes late", async () => {
  await everyCallComesLate(serverDelete, deleteWorld);
});

test("no call of server-create comes late", async () => {
  await everyCallComesLate(serverCreate, createWorld());
});

survives(serverCreate, createWorld());
survives(serverDelete, deleteWorld);
survives(serverStop, actionWorld(params, { ...active, task_state: "powering-off" }));
survives(
  serverStart,
  actionWorld(params, { vm_state: "stopped", power_state: 4, task_state: "powering-on" }, (driver) =>
    driver.power(serverId, false),
  ),
);

const [source, dest] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];
const oldFlavor: FlavorCopy = {
  flavorid: "1",
  name: "m1.tiny",
  vcpus: 1,
  ram: 512,
  disk: 1,
  ephemeral: 0,
  swap: 0,
  extra_specs: {},
};
const newFlavor: FlavorCopy = { ...oldFlavor, flavorid: "2", name: "m1.small", ram: 1_024 };

function paramsOf(migrationId: Uuid): ServerMigrateParams {
  return {
    serverId,
    migrationId,
    userId: "user",
    request: { ...request, leavesHost: source.host },
    source,
    oldFlavor,
    newFlavor,
    hasImage: false,
    hasVolumes: false,
    wasRunning: true,
    dhcpDomain: "novalocal",
  };
}

const moving: SagaWorld<ServerMigrateParams> = {
  migrations,
  async open(cloud) {
    const active = { vm_state: "active", power_state: 1, task_state: "resize_prep" };
    const world = await aRunningServer(cloud, active);
    const choose = async () => ({ candidates: [dest] });
    await cloud.rpc.serve(schedulerContract, null, { select_destinations: choose }).start();
    const { id } = await cloud.store.transaction(async (tx) => {
      const server = await tx.selectFrom("servers").selectAll().executeTakeFirstOrThrow();
      return addMigration(tx, member, { server, type: "resize", source, newFlavor, wasRunning: true });
    });
    return { params: paramsOf(id), subject, check: () => moveVerdict(cloud.store.read, world) };
  },
};

/** How it ended: where the guest and its copies are, who holds what, and that all of it fits together. */
async function moveVerdict(tx: Tx, { drivers }: World): Promise<string> {
  for (const { name, find } of computeInvariants) assert.deepEqual(await find(tx), [], name);
  const server = await tx.selectFrom("servers").selectAll().executeTakeFirstOrThrow();
  const { id, status } = await tx.selectFrom("server_migrations").selectAll().executeTakeFirstOrThrow();
  const holders = await Promise.all(hosts.map(async ({ nodeId }) => allocationsOn(tx, nodeId)));
  const guests = await Promise.all(drivers.map((driver) => driver.list()));
  const copies = await Promise.all(drivers.map(({ migration }) => migration!.copies()));
  const at = hosts.findIndex(({ host }) => host === server.host);
  assert.deepEqual(
    guests.map((list) => list.map(({ power }) => power)),
    hosts.map((_, host) => (host === at ? ["running"] : [])),
    "one guest, where the tables say, and it runs",
  );
  const waits = status === "finished";
  assert.deepEqual(copies.flat(), waits ? [{ serverId, copy: id }] : [], "a copy, if it may still go back");
  const ids = holders.flatMap((holder) => Object.keys(holder)).toSorted();
  assert.deepEqual(ids, (waits ? [serverId, id] : [serverId]).toSorted(), "nobody else holds anything");
  const { ram } = flavorOf(server.flavor);
  assert.equal(holders[at]![serverId]!.resources["MEMORY_MB"], ram);
  return `${server.vm_state} ${server.task_state} on ${server.host}, ${status}`;
}

test("server-migrate ends well or undone whichever step fails", () => everyStepFails(serverMigrate, moving));
test("server-migrate does not mind calls that come twice", () => everyStepTwice(serverMigrate, moving));
