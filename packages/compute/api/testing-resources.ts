// What tests of the resources around servers start from: their routes over a real store, with two hosts that
// reported themselves, and no worker behind them.
import { Broker } from "@micronova/amqp";
import { type InjectResponse, novaDialect, service } from "@micronova/http";
import { testAuthenticator, testServer } from "@micronova/http/testing";
import { testPlatform } from "@micronova/kit/testing";
import { placementMigrations } from "@micronova/placement";
import { busRpc } from "@micronova/rpc";
import { sagaDoor, sagaMigrations } from "@micronova/saga";
import type { Store } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import { computeDefaults } from "../config.ts";
import type { ComputeDeps } from "../deps.ts";
import { seedFlavors } from "../flavors.ts";
import { recordHost } from "../hosts.ts";
import { computeMigrations } from "../migrations.ts";
import { computePolicies } from "../policies.ts";
import { history } from "../versions.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { computeVersionsService } from "./versions-service.ts";

export interface TestResources {
  readonly deps: ComputeDeps;
  readonly store: Store;
  /** Asks compute at a microversion, as `admin` or `member`. */
  ask(
    request: string,
    options?: { readonly version?: string; readonly body?: unknown; readonly as?: "admin" | "member" | null },
  ): Promise<InjectResponse>;
}

export async function testResources(): Promise<TestResources> {
  const platform = testPlatform();
  const migrations = [...sagaMigrations, ...placementMigrations, ...computeMigrations];
  const store = await testStore(platform, migrations);
  const rpc = busRpc({ platform, bus: new Broker(platform).bus() });
  const sagas = sagaDoor({ platform, store, rpc });
  const config = computeDefaults;
  const deps = { platform, store, rpc, sagas, config, authenticator: testAuthenticator() };
  await store.transaction(async (tx) => {
    await seedFlavors(tx);
    for (const host of ["h1", "h2"]) await recordHost(tx, aReport(host, platform.random.uuid()), config);
  });
  const compute = service({
    name: "compute",
    routes: resourceRoutes,
    deps,
    policies: computePolicies,
    dialect: novaDialect,
    authenticator: deps.authenticator,
    history,
    projectInPath: true,
  });
  const services = { "/compute": computeVersionsService(deps), "/compute/v2.1": compute };
  const { call } = testServer(platform, services);
  return {
    deps,
    store,
    async ask(request, { version = "2.1", body, as = "admin" } = {}) {
      const [method, path] = request.split(" ");
      return call(as, method!, path!.startsWith("/compute") ? path! : `/compute/v2.1${path}`, {
        headers: { "openstack-api-version": `compute ${version}` },
        ...(body === undefined ? {} : { body }),
      });
    },
  };
}

function aReport(host: string, nodeId: string): Parameters<typeof recordHost>[1] {
  return {
    host,
    nodeId,
    inventory: {
      hypervisorType: "fake",
      hypervisorVersion: 1_000_000,
      architecture: "x86_64",
      vcpus: 8,
      memoryMb: 8192,
      diskGb: 100,
      cpuInfo: {
        vendor: "Intel",
        model: "Nehalem",
        features: ["pge", "clflush"],
        topology: { sockets: 4, cores: 1, threads: 1 },
      },
      hostIp: "192.0.2.1",
    },
  };
}
