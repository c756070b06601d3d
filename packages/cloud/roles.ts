// The roles of a cloud, each a function from what it needs to one service. `serve` puts all of them into one
// process; the simulator puts each into a process of its own, over doors that fail.
import {
  type ComputeConfig,
  computeEvents,
  computeSagas,
  computeService,
  computeVersionsService,
  computeWorker,
  conductorService,
  schedulerService,
} from "@micronova/compute";
import type { Faults } from "@micronova/faults";
import type { HttpService } from "@micronova/http";
import { identityService, type Tokens } from "@micronova/identity";
import { type ImageFiles, imageService, imageSweeper } from "@micronova/image";
import type { Platform, Service } from "@micronova/kit";
import { networkReports, networkService, networkWorker } from "@micronova/network";
import { type Admission, invariantWatch, operationsService } from "@micronova/operations";
import { placementService } from "@micronova/placement";
import type { Notifier, Rpc } from "@micronova/rpc";
import { type AnySaga, type SagaBoundary, type Sagas, sagaNotifications, sagaRunner } from "@micronova/saga";
import type { Store } from "@micronova/store";
import {
  volumeEvents,
  volumeReports,
  volumeSagas,
  volumeService,
  volumeVersionsService,
  volumeWorker,
} from "@micronova/volume";
import { cloudChecks } from "./invariants.ts";
import { together } from "./services.ts";

/** What a conductor must know to go on with what another began. */
export const cloudSagas: readonly AnySaga[] = [...computeSagas, ...volumeSagas];

const cloudEvents = [computeEvents, volumeEvents];

/** What every role of the control plane is made of. Those of hosts have no store. */
export interface ControlDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly rpc: Rpc;
  readonly sagas: Sagas;
  readonly config: ComputeConfig;
  /** The name it is listed under. A conductor that comes back under its name takes its sagas back at once. */
  readonly host: string;
  /** Told what happens to servers and volumes; nobody is when there is none. */
  readonly notifier?: Notifier;
  /** Whether sagas keep what their steps did on which host, and how long it took. Default: they do. */
  readonly isTraced?: boolean;
  /** Hears of every commit of a saga, where faults are asked for. */
  readonly boundary?: SagaBoundary;
}

/** What the HTTP services are made of. */
export interface ApiDeps extends Omit<ControlDeps, "boundary"> {
  readonly tokens: Tokens;
  readonly images: ImageFiles;
  /** How hosts are let in; null for a cloud that has no bus for others. */
  readonly admission: Admission | null;
  /** There in a cloud that was started to fail on purpose. */
  readonly faults?: Faults;
}

export const roles = {
  /** Answers hosts, repairs drift, and runs the sagas. */
  conductor(deps: ControlDeps): Service {
    const { platform, store, rpc, sagas, host, notifier, boundary, isTraced = true } = deps;
    const told = {
      ...(notifier === undefined ? {} : { watcher: sagaNotifications(notifier, cloudEvents, host) }),
      ...(boundary === undefined ? {} : { boundary }),
    };
    return together("conductor", [
      conductorService(deps),
      volumeReports({ store, rpc }),
      networkReports({ platform, store, rpc }),
      sagaRunner({ platform, store, rpc, sagas: cloudSagas, owner: host, isTraced, ...told }),
      invariantWatch({ platform, store, rpc, sagas, checks: cloudChecks }),
    ]);
  },
  scheduler: (deps: ControlDeps): Service => schedulerService(deps),
  /** What must run beside the HTTP services of `httpServices`. */
  api({ platform, store, tokens, images, host: owner }: ApiDeps): Service {
    return together("api", [tokens, imageSweeper({ platform, store, files: images, owner })]);
  },
  compute: computeWorker,
  network: networkWorker,
  volume: volumeWorker,
} as const;

/** Every HTTP service by the path it is mounted under. */
export function httpServices(deps: ApiDeps): Readonly<Record<string, HttpService>> {
  const { platform, store, tokens: authenticator, images, host: owner } = deps;
  const common = { ...deps, authenticator };
  return {
    "/identity": identityService({ platform, store, tokens: authenticator, endpoints: { origin: null } }),
    "/image": imageService({ platform, store, authenticator, files: images, owner }),
    "/placement": placementService(common),
    "/network": networkService(common),
    "/volume": volumeVersionsService(common),
    "/volume/v3": volumeService(common),
    "/compute": computeVersionsService(common),
    "/compute/v2.1": computeService(common),
    "/operations/v1": operationsService({ ...common, checks: cloudChecks }),
  };
}
