// The roles of the control plane in one process: api, conductor and scheduler over one store.
import { computeDefaults } from "@micronova/compute";
import type { HttpServer } from "@micronova/http";
import { tokens } from "@micronova/identity";
import { imageFiles } from "@micronova/image";
import type { Service } from "@micronova/kit";
import { otlpExporter, requestLog } from "@micronova/operations";
import { busNotifier } from "@micronova/rpc";
import { sagaDoor } from "@micronova/saga";
import { isStoreFault, type SharedStore } from "@micronova/store";
import { admissionOf } from "./admission.ts";
import { busManagement } from "./bus-management.ts";
import { httpServer } from "./http-server.ts";
import { untilThere, type Wait } from "./readiness.ts";
import { type ApiDeps, type ControlDeps, roles } from "./roles.ts";
import type { Assembly, ServeOptions, SteeredPlatform } from "./serve.ts";
import { closing } from "./services.ts";
import { steerBy } from "./steered-clock.ts";
import { type OpenStore, openStore, storeTrouble } from "./store.ts";

/** The roles that have the store, as far as they are this process's. */
export interface ControlRoles {
  readonly controllers: readonly Service[];
  /** Started after the workers; the sockets are the last of them. */
  readonly doors: readonly Service[];
  readonly http: HttpServer | null;
}

export interface ControlPlane {
  /** As of the store. */
  readonly madeOn: string | null;
  roles(shared: Assembly): ControlRoles;
}

/** Opens the store; closed again by what `started` is given. */
export async function controlPlane(
  platform: SteeredPlatform,
  options: ServeOptions,
  started: Service[],
): Promise<ControlPlane> {
  const { store, madeOn } = await startStore(platform, options, started);
  return { madeOn, roles: (shared) => rolesOf({ ...shared, store }, options) };
}

async function startStore(
  platform: SteeredPlatform,
  options: ServeOptions,
  started: Service[],
): Promise<OpenStore> {
  const { readiness, patience: signal } = options;
  const open = () => openStore(platform, options);
  const waiting: Omit<Wait, "signal"> = { what: "store", readiness, mayPass: isStoreFault };
  const opened =
    signal === undefined ? await open() : await untilThere(platform, { ...waiting, signal }, open);
  const { store } = opened;
  started.push(closing("store", () => store.close()));
  readiness.watch("store", () => storeTrouble(store));
  if (options.config.store.url !== undefined) {
    const clock = await steerBy(platform, store);
    await clock.start();
    started.push(clock);
  }
  return opened;
}

type WithStore = Assembly & { readonly store: SharedStore };

function rolesOf(shared: WithStore, options: ServeOptions): ControlRoles {
  const { roles: asked } = options;
  const controlOf = (role: "conductor" | "scheduler") => controlDeps(shared, options, role);
  const controllers = [
    ...(asked.has("conductor") ? [roles.conductor(controlOf("conductor"))] : []),
    ...(asked.has("scheduler") ? [roles.scheduler(controlOf("scheduler"))] : []),
  ];
  return { controllers, ...(asked.has("api") ? apiOf(shared, options) : { doors: [], http: null }) };
}

/** What a role of the control plane is made of. */
function controlDeps({ world, faults, store }: WithStore, options: ServeOptions, role: string): ControlDeps {
  const { config, dir } = options;
  const view = world.control({ role, host: dir.hostName }, store);
  const told = config.notifications.enabled ? { notifier: busNotifier(view) } : {};
  const boundary = faults === null ? {} : { boundary: faults.sagaBoundary };
  const { bus: _bus, ...own } = view;
  const common = {
    ...own,
    sagas: sagaDoor(own),
    config: { ...computeDefaults, ...config.compute },
    isTraced: config.traces.enabled,
  };
  return { ...common, host: dir.hostName, ...told, ...boundary };
}

/** The APIs: what runs beside them, and their sockets last. */
function apiOf(shared: WithStore, options: ServeOptions) {
  const { config, dir, readiness } = options;
  const control = controlDeps(shared, options, "api");
  const { platform, store, rpc } = control;
  const files = imageFiles({ dir: config.image.dir ?? dir.file("images") });
  const images = shared.world.driver({ host: dir.hostName, kind: "image" }, files);
  const faults = shared.faults === null ? {} : { faults: shared.faults };
  const { inside } = shared.bus;
  const api: ApiDeps = {
    ...control,
    tokens: tokens({ platform, store, rpc }),
    images,
    admission: admissionOf({ config, dir, store, inside }),
    ...faults,
  };
  const requests = requestLog(api);
  const management = inside === null ? null : busManagement(inside, api.tokens);
  const http = httpServer({ api, config, requests, management, readiness });
  const url = config.traces.otlp_url;
  const exporters = url === undefined ? [] : [otlpExporter({ platform, store, url })];
  const managed = management === null ? [] : [management];
  return { doors: [roles.api(api), ...exporters, ...managed, requests, http], http };
}
