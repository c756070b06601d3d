// What a cloud can say of itself without being started: its services, states, sagas and errors. The pages of
// docs/reference are written from it.
import { amqpErrors, Broker } from "@micronova/amqp";
import { computeDefaults, computeErrors, serverStates, statusRules } from "@micronova/compute";
import { faultErrors } from "@micronova/faults";
import { type HttpService, httpErrors } from "@micronova/http";
import { identityErrors, tokens } from "@micronova/identity";
import { imageErrors, imageFiles, imageStates } from "@micronova/image";
import {
  type FaultMaker,
  metricsRegistry,
  type Platform,
  processErrors,
  type StateTable,
  silentLog,
  systemClock,
  systemRandom,
} from "@micronova/kit";
import { configErrors } from "@micronova/kit/config";
import { managementErrors } from "@micronova/management";
import { networkErrors } from "@micronova/network";
import { operationsErrors } from "@micronova/operations";
import { placementErrors } from "@micronova/placement";
import { busRpc, rpcErrors } from "@micronova/rpc";
import { type AnySaga, sagaDoor, sagaErrors } from "@micronova/saga";
import { sqliteStore, storeErrors } from "@micronova/store";
import { volumeErrors, volumeStates } from "@micronova/volume";
import { errors } from "./errors.ts";
import { cloudSagas, httpServices } from "./roles.ts";

export interface CloudReference {
  /** By the path each is mounted under. */
  readonly services: Readonly<Record<string, HttpService>>;
  /** By the noun. */
  readonly states: Readonly<Record<string, StateTable<string, string>>>;
  /** How a server's states read as its status. */
  readonly serverStatus: typeof statusRules;
  readonly sagas: readonly AnySaga[];
  /** By the package. */
  readonly errors: Readonly<Record<string, Readonly<Record<string, FaultMaker<never>>>>>;
}

/** Puts the services together over an empty store in memory. Nothing is started; nothing reads that store. */
export async function cloudReference(): Promise<CloudReference> {
  const platform: Platform = {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics: metricsRegistry(),
  };
  const store = sqliteStore(platform, { path: ":memory:", durability: "process", migrations: [] });
  const rpc = busRpc({ platform, bus: new Broker(platform).bus() });
  const services = httpServices({
    platform,
    store,
    rpc,
    sagas: sagaDoor({ platform, store, rpc }),
    tokens: tokens({ platform, store }),
    images: imageFiles({ dir: "" }),
    admission: null,
    config: computeDefaults,
    host: "api",
  });
  await rpc.close();
  await store.close();
  return {
    services,
    states: { server: serverStates, volume: volumeStates, image: imageStates },
    serverStatus: statusRules,
    sagas: cloudSagas,
    errors: {
      config: configErrors,
      process: processErrors,
      store: storeErrors,
      amqp: amqpErrors,
      http: httpErrors,
      rpc: rpcErrors,
      saga: sagaErrors,
      identity: identityErrors,
      image: imageErrors,
      placement: placementErrors,
      network: networkErrors,
      volume: volumeErrors,
      compute: computeErrors,
      operations: operationsErrors,
      faults: faultErrors,
      management: managementErrors,
      cloud: errors,
    },
  };
}
