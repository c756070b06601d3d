// A whole cloud of fake hosts for tests: real store, bus, sagas, network, volumes and HTTP, without sockets
// and without waiting.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Broker } from "@micronova/amqp";
import type { InjectResponse } from "@micronova/http";
import { testAuthenticator, testContext, testServer } from "@micronova/http/testing";
import { imageFiles, imageMigrations, images, uploadImage } from "@micronova/image";
import type { Service, Uuid } from "@micronova/kit";
import { type TestPlatform, testPlatform } from "@micronova/kit/testing";
import { fakeNetworkDriver, networkMigrations, seedNetwork } from "@micronova/network";
import { placementMigrations } from "@micronova/placement";
import { busRpc, type Rpc } from "@micronova/rpc";
import { type Sagas, sagaDoor, sagaMigrations, sagaRunner } from "@micronova/saga";
import type { Migration, Store } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import {
  fakeVolumeDriver,
  seedVolume,
  volumeMigrations,
  volumeReports,
  volumeSagas,
  volumes,
  volumeWorker,
} from "@micronova/volume";
import { conductorService } from "./conductor.ts";
import { type ComputeConfig, computeDefaults } from "./config.ts";
import type { VirtDriver } from "./drivers/driver.ts";
import { type FakeDriverOptions, fakeDriver } from "./drivers/fake.ts";
import { computeInvariants } from "./invariants.ts";
import { computeMigrations } from "./migrations.ts";
import { computeSagas } from "./sagas/index.ts";
import { schedulerService } from "./scheduler-service.ts";
import { seedCompute } from "./seed.ts";
import { computeService } from "./service.ts";
import type { Server } from "./tables.ts";
import { hostReporter } from "./worker/reporter.ts";
import { computeWorker } from "./worker/worker.ts";

export const allMigrations: readonly Migration[] = [
  ...sagaMigrations,
  ...imageMigrations,
  ...placementMigrations,
  ...networkMigrations,
  ...volumeMigrations,
  ...computeMigrations,
];

export interface TestCloudOptions {
  readonly hosts?: number;
  readonly inventory?: FakeDriverOptions["inventory"];
  readonly config?: Partial<ComputeConfig>;
  readonly platform?: TestPlatform;
  /** Stands before a host's driver, to make it fail. */
  readonly wrap?: (driver: VirtDriver, host: string) => VirtDriver;
}

export interface TestCloud {
  readonly platform: TestPlatform;
  readonly store: Store;
  readonly broker: Broker;
  readonly rpc: Rpc;
  readonly sagas: Sagas;
  readonly imageId: Uuid;
  readonly drivers: ReadonlyMap<string, VirtDriver>;
  /** Asks compute at a microversion; the path is below its root. */
  ask(request: Asked): Promise<InjectResponse>;
  /** Boots a server and returns its id. */
  boot(body?: Readonly<Record<string, unknown>>, token?: string): Promise<Uuid>;
  /** Makes a volume that is available; its id. */
  volume(): Promise<Uuid>;
  /** Lets everything run until the condition holds. */
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  /** Lets everything run until the server has the status; its view then. */
  reaches(id: Uuid, status: string): Promise<Record<string, unknown>>;
  gone(id: Uuid): Promise<void>;
  /** Lets all hosts report. */
  beat(): Promise<void>;
  assertInvariants(): Promise<void>;
  stop(): Promise<void>;
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly version?: string;
  readonly token?: string | null;
}

const adminProjectId = "1".repeat(32);
const demoProjectId = "2".repeat(32);

export async function testCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const platform = options.platform ?? testPlatform();
  const store = await testStore(platform, allMigrations);
  const broker = new Broker(platform);
  const rpc = busRpc({ platform, bus: broker.bus() });
  const sagas = sagaDoor({ platform, store, rpc });
  const imageId = platform.random.uuid();
  await store.transaction(async (tx) => {
    await seedNetwork(tx, { adminProjectId, demoProjectId, cidr: "192.168.233.0/24" });
    await seedVolume(tx);
    await seedCompute(tx);
  });
  const dir = await mkdtemp(join(tmpdir(), "micronova-compute-"));
  await addImage({ platform, store, files: imageFiles({ dir }) }, imageId);
  const config = { ...computeDefaults, ...options.config };
  const deps = { platform, store, rpc, sagas, config, authenticator: testAuthenticator() };
  const reporter = hostReporter({ platform, rpc });
  const drivers = new Map<string, VirtDriver>();
  const parts: Service[] = [
    sagaRunner({ platform, store, rpc, sagas: [...computeSagas, ...volumeSagas], owner: "conductor" }),
    conductorService({ ...deps, host: "control" }),
    schedulerService({ ...deps, host: "control" }),
    volumeReports({ store, rpc }),
    volumeWorker({ platform, rpc, host: "control", driver: fakeVolumeDriver() }),
  ];
  for (let at = 1; at <= (options.hosts ?? 2); at++) {
    const host = `h${at}`;
    const driver = fakeDriver({ platform, ...(options.inventory && { inventory: options.inventory }) });
    const virt = options.wrap?.(driver, host) ?? driver;
    drivers.set(host, virt);
    const network = fakeNetworkDriver();
    parts.push(computeWorker({ platform, rpc, host, virt, network, reporter }));
  }
  for (const part of parts) await part.start();
  await reporter.beat();
  await platform.clock.advance(0);
  const { call } = testServer(platform, { "/compute/v2.1": computeService(deps) });
  const ask = ({ method = "GET", path, body, version, token = "member" }: Asked) =>
    call(token, method, `/compute/v2.1${path}`, {
      ...(body === undefined ? {} : { body }),
      ...(version === undefined ? {} : { headers: { "openstack-api-version": `compute ${version}` } }),
    });
  return {
    platform,
    store,
    broker,
    rpc,
    sagas,
    imageId,
    drivers,
    ask,
    ...waiting(platform, ask, imageId),
    async volume() {
      const volume = await store.transaction((tx) => volumes.create(tx, { sagas }, member, { size: 1 }));
      await waiting(platform, ask, imageId).until("the volume is made", async () => {
        const made = await volumes.byId(store.read, volume.id);
        return made?.status === "available";
      });
      return volume.id;
    },
    beat: () => reporter.beat(),
    assertInvariants: () => assertInvariants(store),
    async stop() {
      for (const part of parts.toReversed()) await part.stop();
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
}

/** Turns of the event loop, and seconds after them, that anything in a test may take. */
const turnsMax = 400;
const secondsMax = 900;

function waiting(platform: TestPlatform, ask: TestCloud["ask"], imageId: Uuid) {
  const until = async (what: string, holds: () => Promise<boolean>) => {
    for (let turn = 0; turn < turnsMax + secondsMax; turn++) {
      if (await holds()) return;
      await platform.clock.advance(turn < turnsMax ? 0 : 1_000);
    }
    assert.fail(`never: ${what}`);
  };
  const show = async (id: Uuid) => ask({ path: `/servers/${id}`, version: "2.104", token: "admin" });
  return {
    until,
    async boot(body: Readonly<Record<string, unknown>> = {}, token = "member"): Promise<Uuid> {
      const server = { name: "web", imageRef: imageId, flavorRef: "1", ...body };
      const request = { method: "POST", path: "/servers", body: { server }, token };
      const { status, body: answer } = await ask(request);
      assert.equal(status, 202, JSON.stringify(answer));
      return (answer as { server: { id: Uuid } }).server.id;
    },
    async reaches(id: Uuid, status: string) {
      let last: Record<string, unknown> = {};
      await until(`${id} is ${status}`, async () => {
        const { body } = await show(id);
        last = (body as { server?: Record<string, unknown> }).server ?? {};
        return last["status"] === status && last["OS-EXT-STS:task_state"] === null;
      });
      return last;
    },
    gone: (id: Uuid) => until(`${id} is gone`, async () => (await show(id)).status === 404),
  };
}

async function assertInvariants(store: Store): Promise<void> {
  for (const { name, find } of computeInvariants) assert.deepEqual(await find(store.read), [], name);
}

/** A small image, uploaded as a client would. */
async function addImage(deps: ImageUpload, id: Uuid): Promise<void> {
  const bytes = Buffer.alloc(512);
  const formats = { disk_format: "raw", container_format: "bare" };
  await deps.store.transaction((tx) =>
    images.create(tx, admin, { id, name: "tiny", visibility: "public", ...formats }),
  );
  await uploadImage(deps, admin, { id, stream: Readable.from([bytes]), size: bytes.length });
}

type ImageUpload = Parameters<typeof uploadImage>[0];

export const member = testContext();
const admin = testContext({ admin: true });

/** A server's row; one that is being built unless told otherwise. */
export function aServer(columns: Partial<Server> = {}): Server {
  const flavor = { flavorid: "1", name: "m1.tiny", vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0 };
  return {
    id: "00000000-0000-4000-8000-000000000001",
    project_id: demoProjectId,
    user_id: "b".repeat(32),
    name: "web",
    description: null,
    hostname: "web",
    vm_state: "building",
    task_state: "scheduling",
    power_state: 0,
    host: null,
    node_id: null,
    node: null,
    availability_zone: null,
    pinned_availability_zone: null,
    image_id: null,
    image_properties: "{}",
    kernel_id: null,
    ramdisk_id: null,
    flavor_id: "1",
    flavor: JSON.stringify({ ...flavor, extra_specs: {} }),
    vcpus: 1,
    memory_mb: 512,
    key_name: null,
    key_data: null,
    user_data: null,
    config_drive: 0,
    metadata: "{}",
    system_metadata: "{}",
    tags: "[]",
    security_groups: "[]",
    locked_by: null,
    locked_reason: null,
    access_ip_v4: null,
    access_ip_v6: null,
    auto_disk_config: 1,
    reservation_id: "r-00000000",
    launch_index: 0,
    root_device_name: "/dev/vda",
    progress: 0,
    scheduler_hints: "{}",
    server_group_id: null,
    trusted_image_certificates: null,
    fault: null,
    created_at: 1,
    updated_at: 1,
    launched_at: null,
    terminated_at: null,
    deleted_at: null,
    ...columns,
  };
}
