// A whole cloud under virtual time: the roles that production composes, each in a process of its own, over
// doors that fail. What outlives processes (tables, guests, volumes, fences, files) is held here.
import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cloudMigrations, httpServices, roles } from "@micronova/cloud";
import { computeDefaults, type FakeDriver, fakeDriver } from "@micronova/compute";
import { type HttpServer, type InjectRequest, type InjectResponse, listen } from "@micronova/http";
import { type Tokens, tokens } from "@micronova/identity";
import { type ImageFiles, imageFiles } from "@micronova/image";
import { type Millis, metricsRegistry, silentLog } from "@micronova/kit";
import { fakeNetworkDriver, type NetworkDriver } from "@micronova/network";
import { type FenceStore, memoryFences } from "@micronova/rpc";
import { sagaDoor } from "@micronova/saga";
import type { Store } from "@micronova/store";
import { sharedStore } from "@micronova/store/testing";
import { type FakeVolumeDriver, fakeVolumeDriver } from "@micronova/volume";
import { Cable } from "./cable.ts";
import { driverDoor, filesDoor, storeDoor } from "./doors.ts";
import { type FreshCloud, freshCloud } from "./fresh-cloud.ts";
import { type Body, Process, type Running } from "./process.ts";
import { noFaults, World } from "./world.ts";

export interface CloudOptions {
  readonly seed: number;
  readonly hosts?: number;
  /** The processes that run; all of them without it. */
  readonly only?: readonly string[];
  /** Prints everything that happens. */
  readonly isSaying?: boolean;
}

/** A machine for guests. Its workers may die; what it runs and remembers does not die with them. */
export interface Host {
  readonly name: string;
  readonly virt: FakeDriver;
  readonly network: NetworkDriver;
  readonly fences: FenceStore;
  isOn: boolean;
}

/** Null when the connection broke before there was an answer. */
export type Answer = InjectResponse | null;

interface Api extends Running {
  readonly http: HttpServer;
  readonly tokens: Tokens;
}

// What detects a dead machine, as against a dead process, are heartbeats that do not come.
const bootMs: Millis = 5_000;
const startMs: Millis = 100;

export async function simulateCloud(options: CloudOptions): Promise<SimulatedCloud> {
  const cloud = new SimulatedCloud(new World(options.seed, options), await freshCloud(), options);
  await cloud.begin();
  return cloud;
}

export class SimulatedCloud {
  readonly world: World;
  readonly cable: Cable;
  readonly hosts: readonly Host[];
  readonly volumes: FakeVolumeDriver = fakeVolumeDriver({ totalGb: 10_000 });
  readonly imageId: string;
  readonly privateNetworkId: string;
  /** The tables as nobody in particular sees them. */
  readonly store: Store;
  readonly processes = new Map<string, Process>();
  readonly #images: ImageFiles;
  readonly #opened: ReturnType<typeof sharedStore>;
  readonly #api: Process<Api>;
  readonly #isWhole: boolean;
  readonly #volumeFences = memoryFences();
  readonly #dir = mkdtempSync(join(tmpdir(), "micronova-simulation-"));

  constructor(world: World, fresh: FreshCloud, options: CloudOptions) {
    this.world = world;
    this.cable = new Cable(world);
    this.imageId = fresh.imageId;
    this.privateNetworkId = fresh.privateNetworkId;
    const { clock, random } = world;
    const platform = { clock, random, log: silentLog, metrics: metricsRegistry() };
    this.#opened = sharedStore(platform, cloudMigrations, fresh.contents);
    this.store = this.#opened.store;
    this.#images = imageFiles({ dir: join(this.#dir, "images") });
    this.hosts = Array.from({ length: options.hosts ?? 2 }, (_, n) => {
      const virt = fakeDriver({ platform });
      // Named as the real one, so that all of its conversation with the control plane takes place.
      const network = { ...fakeNetworkDriver(), name: "linux" };
      return { name: `h${n + 1}`, virt, network, fences: memoryFences(), isOn: true };
    });
    for (const name of ["conductor-1", "conductor-2"]) this.#control(name, roles.conductor);
    for (const name of ["scheduler-1", "scheduler-2"]) this.#control(name, roles.scheduler);
    this.#add("volume", (body) => this.#volumeWorker(body));
    for (const host of this.hosts) {
      this.#add(`network.${host.name}`, (body) => this.#networkWorker(body, host));
      this.#add(`compute.${host.name}`, (body) => this.#computeWorker(body, host));
    }
    this.#api = this.#add("api", (body) => this.#apiServer(body));
    this.#isWhole = options.only === undefined;
    for (const name of this.processes.keys())
      if (options.only?.includes(name) === false) this.processes.delete(name);
  }

  /** Starts everything, and waits until the hosts are known. */
  async begin(): Promise<void> {
    for (const process of this.processes.values()) process.start();
    // Without the others there is nothing to wait for but the start itself.
    await this.run(this.#isWhole ? bootMs : startMs);
  }

  run(ms: Millis): Promise<void> {
    return this.world.clock.advance(ms);
  }

  process(name: string): Process {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`There is no process ${name}.`);
    return found;
  }

  /** One request of a client. */
  async request(request: InjectRequest): Promise<Answer> {
    const { life, running } = this.#api;
    if (life === null || running === null) return null;
    const broken = Promise.withResolvers<null>();
    life.onEnd(() => broken.resolve(null));
    return Promise.race([life.hears(running.http.inject(request)), broken.promise]);
  }

  /** A token of a member of the project, or of an administrator of it; good for as long as it takes. */
  token(projectId: string, isAdmin = false): string {
    const { running } = this.#api;
    if (running === null) throw new Error("The API does not run.");
    const now = this.world.clock.now();
    return running.tokens.issue({
      auditIds: ["simulated"],
      userId: (isAdmin ? "a" : "b").repeat(32),
      userName: isAdmin ? "admin" : "member",
      userDomainId: "default",
      scope: { kind: "project", id: projectId, name: "simulated", domainId: "default" },
      roles: isAdmin ? ["admin", "member", "reader"] : ["member", "reader"],
      methods: ["password"],
      issuedAt: now,
      expiresAt: now + 365 * 86_400_000,
      generation: Number.MAX_SAFE_INTEGER,
      applicationCredentialId: null,
    });
  }

  /** The host loses its power, with everything that runs on it. */
  powerOff(host: Host): void {
    if (!host.isOn) return;
    this.world.note(host.name, "loses its power");
    host.isOn = false;
    for (const role of ["compute", "network"]) this.process(`${role}.${host.name}`).kill();
    host.virt.loseGuests();
    // Taps are the kernel's, and end with it.
    void host.network.dispose();
  }

  powerOn(host: Host): void {
    if (host.isOn) return;
    this.world.note(host.name, "has power again");
    host.isOn = true;
    for (const role of ["network", "compute"]) this.process(`${role}.${host.name}`).start();
  }

  /** The images' files there are. */
  imageNames(): Promise<readonly string[]> {
    return this.world.clock.hold(() => readdir(join(this.#dir, "images")));
  }

  /** Ends all trouble: everything runs, nothing fails. */
  heal(): void {
    this.world.note("all", "is well again");
    Object.assign(this.world.faults, noFaults);
    this.world.watch = null;
    if (this.cable.broker === null) this.cable.start();
    for (const host of this.hosts) this.powerOn(host);
    for (const process of this.processes.values()) {
      process.skew(0);
      process.thaw();
      process.start();
    }
  }

  async end(): Promise<void> {
    for (const process of this.processes.values()) process.kill();
    await this.cable.stop();
    await this.world.clock.advance(0);
    await this.store.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #add<R extends Running>(name: string, make: (body: Body) => R): Process<R> {
    const process = new Process(this.world, this.cable, name, make);
    this.processes.set(name, process);
    return process;
  }

  #control(name: string, role: typeof roles.conductor): void {
    this.#add(name, (body) => role({ ...this.#shared(body), host: name }));
  }

  #shared({ life, platform, rpc }: Body) {
    const store = storeDoor(this.world, life, { opened: this.#opened, platform });
    return { platform, store, rpc, sagas: sagaDoor({ platform, store, rpc }), config: computeDefaults };
  }

  #apiServer(body: Body): Api {
    const shared = this.#shared(body);
    const { platform, store, rpc } = shared;
    const keyring = tokens({ platform, store, rpc });
    const deps = {
      ...shared,
      host: "api",
      tokens: keyring,
      images: filesDoor(this.world, body.life, this.#images),
      admission: null,
    };
    const http = listen(platform, { host: "127.0.0.1", port: 8774, services: httpServices(deps) });
    const role = roles.api(deps);
    return { http, tokens: keyring, start: () => role.start() };
  }

  #computeWorker({ life, platform, rpc }: Body, host: Host): Running {
    const virt = driverDoor(this.world, life, "virt", host.virt);
    const network = driverDoor(this.world, life, "network", host.network);
    return roles.compute({ platform, rpc, host: host.name, virt, network, fences: host.fences });
  }

  #networkWorker({ life, platform, rpc }: Body, host: Host): Running {
    const driver = driverDoor(this.world, life, "network", host.network);
    return roles.network({ platform, rpc, host: host.name, driver });
  }

  #volumeWorker({ life, platform, rpc }: Body): Running {
    const driver = driverDoor(this.world, life, "volume", this.volumes);
    return roles.volume({ platform, rpc, host: "storage", driver, fences: this.#volumeFences });
  }
}
