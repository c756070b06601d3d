// A small cloud of networks for the tests of this package: store, bus, one network worker over the fake
// driver, and the API.
import { Broker } from "@micronova/amqp";
import { type TestServer, testAuthenticator, testContext, testServer } from "@micronova/http/testing";
import { type TestPlatform, testPlatform } from "@micronova/kit/testing";
import { busRpc } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import type { NetworkDriver } from "./drivers/driver.ts";
import { fakeNetworkDriver } from "./drivers/fake.ts";
import {
  networkInvariants,
  networkMigrations,
  networkReports,
  networkService,
  networkWorker,
  seedNetwork,
} from "./index.ts";

export interface NetworkCloud {
  readonly platform: TestPlatform;
  readonly store: Store;
  readonly driver: NetworkDriver;
  readonly call: TestServer["call"];
  /** Lets everything that was begun come to its end. */
  settle(): Promise<void>;
  /** Throws when an invariant does not hold. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

export const otherProject = "3".repeat(32);
export const admin = testContext({ admin: true });
export const member = testContext();

export async function aNetworkCloud(
  options: { readonly driver?: NetworkDriver; readonly cidr?: string } = {},
): Promise<NetworkCloud> {
  const platform = testPlatform();
  const store = await testStore(platform, networkMigrations);
  const { cidr } = options;
  const projects = { adminProjectId: admin.projectId!, demoProjectId: member.projectId! };
  await store.transaction((tx) => seedNetwork(tx, { ...projects, ...(cidr === undefined ? {} : { cidr }) }));
  const rpc = busRpc({ platform, bus: new Broker(platform, { freeze: true }).bus() });
  const driver = options.driver ?? fakeNetworkDriver();
  const services = [
    networkReports({ platform, store, rpc }),
    networkWorker({ platform, rpc, host: "h1", driver }),
  ];
  for (const service of services) await service.start();
  const authenticator = testAuthenticator({
    other: testContext({ projectId: otherProject }),
    reader: testContext({ roles: ["reader"] }),
  });
  const { call } = testServer(platform, { "/network": networkService({ platform, store, authenticator }) });
  const settle = async () => {
    for (let turn = 0; turn < settleTurns; turn++) await platform.clock.advance(100);
  };
  await settle();
  return {
    platform,
    store,
    driver,
    call,
    settle,
    async check() {
      for (const { name, find } of networkInvariants) {
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

// More than a scan and a report take.
const settleTurns = 10;
