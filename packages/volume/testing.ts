// A small cloud for the tests of this package: store, bus, conductor, one volume worker over the fake driver,
// and the API.
import { Broker } from "@micronova/amqp";
import { type TestServer, testAuthenticator, testContext, testServer } from "@micronova/http/testing";
import { imageMigrations } from "@micronova/image";
import { type TestPlatform, testPlatform } from "@micronova/kit/testing";
import { busRpc } from "@micronova/rpc";
import { type Sagas, sagaDoor, sagaMigrations, sagaRunner } from "@micronova/saga";
import type { Store } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import { type FakeVolumeDriver, fakeVolumeDriver } from "./drivers/fake.ts";
import {
  quietVolumeInvariants,
  seedVolume,
  volumeInvariants,
  volumeMigrations,
  volumeReports,
  volumeSagas,
  volumeService,
  volumeVersionsService,
  volumeWorker,
} from "./index.ts";

export interface VolumeCloud {
  readonly platform: TestPlatform;
  readonly store: Store;
  readonly sagas: Sagas;
  readonly driver: FakeVolumeDriver;
  readonly call: TestServer["call"];
  /** Lets everything that was begun come to its end. */
  settle(): Promise<void>;
  /** Throws when an invariant does not hold. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

export const otherProject = "3".repeat(32);

export async function aVolumeCloud(options: { readonly totalGb?: number } = {}): Promise<VolumeCloud> {
  const platform = testPlatform();
  const store = await testStore(platform, [...sagaMigrations, ...imageMigrations, ...volumeMigrations]);
  await store.transaction(seedVolume);
  const rpc = busRpc({ platform, bus: new Broker(platform, { freeze: true }).bus() });
  const sagas = sagaDoor({ platform, store, rpc });
  const driver = fakeVolumeDriver(options.totalGb === undefined ? {} : { totalGb: options.totalGb });
  const worker = volumeWorker({ platform, rpc, host: "h1", driver });
  const runner = sagaRunner({ platform, store, rpc, sagas: volumeSagas, owner: "c1" });
  const services = [volumeReports({ store, rpc }), worker, runner];
  for (const service of services) await service.start();
  const authenticator = testAuthenticator({ other: testContext({ projectId: otherProject }) });
  const deps = { platform, store, sagas, authenticator };
  const mounts = { "/volume/v3": volumeService(deps), "/volume": volumeVersionsService(deps) };
  const settle = async () => {
    for (let turn = 0; turn < settleTurns; turn++) await platform.clock.advance(100);
  };
  await settle();
  return {
    platform,
    store,
    sagas,
    driver,
    call: testServer(platform, mounts).call,
    settle,
    async check() {
      for (const { name, find } of [...volumeInvariants, ...quietVolumeInvariants]) {
        const violations = await find(store.read);
        if (violations.length > 0)
          throw new Error(`${name}: ${violations.map(({ text }) => text).join(" ")}`);
      }
    },
    async stop() {
      for (const service of services.toReversed()) await service.stop();
      await rpc.close();
      await store.close();
    },
  };
}

// Far more turns of the event loop than the longest saga here takes.
const settleTurns = 30;
