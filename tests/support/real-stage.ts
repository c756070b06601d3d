// The stage of a cloud in real processes: asked over HTTP, looked at through its database and the files of
// its fake hosts.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Json } from "@micronova/client";
import { fakeDriver } from "@micronova/compute";
import { metricsRegistry, silentLog, systemClock, systemRandom } from "@micronova/kit";
import { type SharedStore, sqliteStore } from "@micronova/store";
import { underWay } from "../simulation/quiet.ts";
import { type Answer, type Backstage, Stage } from "./stage.ts";

/** Where the cloud is, and how to do something to its hosts while nothing of it runs. */
export interface Whereabouts {
  /** With `secrets.json` and, unless there is another store, `cloud.db`. */
  readonly dataDir: string;
  /** Has a directory for each fake host. */
  readonly hostsDir: string;
  readonly openStore?: () => SharedStore;
  readonly origin: () => string;
  whileDown(work: () => Promise<void>): Promise<void>;
}

/** Of whoever looks at a cloud from without. */
export const outside = {
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  metrics: metricsRegistry(),
};
/** After a restart everything must have ended by then. */
export const quietMsMax = 30_000;
const lookEveryMs = 20;

export class RealStage extends Stage {
  readonly cloud: Backstage;
  readonly #where: Whereabouts;
  #store: SharedStore | null = null;
  readonly #tokens = new Map<"user" | "admin", string>();
  #imageId = "";
  #networkId = "";

  constructor(where: Whereabouts) {
    super();
    this.#where = where;
    const stage = this;
    this.cloud = {
      get imageId() {
        return stage.#imageId;
      },
      get privateNetworkId() {
        return stage.#networkId;
      },
      get store() {
        return stage.store;
      },
      get hosts() {
        return stage.#hosts();
      },
      run: (ms) => sleep(ms),
    };
  }

  /** The cloud's database, opened beside it; closed again by `closeStore`. */
  get store(): SharedStore {
    this.#store ??= this.#where.openStore?.() ?? this.#sqlite();
    return this.#store;
  }

  /** A process that starts must find the database as the kill left it. */
  async closeStore(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }

  /** Logs in, and uploads the image that servers are booted from. */
  async begin(): Promise<void> {
    for (const who of ["user", "admin"] as const) this.#tokens.set(who, await this.#login(who));
    const body = { name: "tiny", disk_format: "raw", container_format: "bare" };
    const made: Json = await this.done(this.ask("POST", "/image/v2/images", body));
    this.#imageId = made.id;
    await this.done(this.ask("PUT", `/image/v2/images/${made.id}/file`, Buffer.alloc(512)));
    const { networks } = await this.read("/network/v2.0/networks?name=private");
    this.#networkId = networks[0].id;
  }

  async ask(method: string, url: string, body?: unknown, as: "user" | "admin" = "user"): Promise<Answer> {
    const isBytes = Buffer.isBuffer(body);
    const sent = isBytes ? new Uint8Array(body) : JSON.stringify(body);
    const response = await fetch(this.#where.origin() + url, {
      method,
      headers: {
        "x-auth-token": this.#tokens.get(as) ?? "",
        "openstack-api-version": "compute 2.79",
        "content-type": isBytes ? "application/octet-stream" : "application/json",
      },
      ...(body === undefined ? {} : { body: sent }),
    }).catch(asBroken);
    const text = await response?.text().catch(asBroken);
    if (response === null || typeof text !== "string") return null;
    return { status: response.status, body: text === "" ? null : jsonOf(text) };
  }

  /** What a GET answers, as the user unless it is said. */
  async read(url: string, as: "user" | "admin" = "user"): Promise<Json> {
    const answer = await this.ask("GET", url, undefined, as);
    if (answer?.status !== 200) throw new Error(`GET ${url}: ${JSON.stringify(answer)}`);
    return answer.body;
  }

  protected during(answer: Promise<Answer>): Promise<Answer> {
    return answer;
  }

  async quiet(): Promise<number> {
    const begun = performance.now();
    for (;;) {
      const left = await underWay(this);
      const ms = performance.now() - begun;
      if (left.length === 0) return ms;
      if (ms > quietMsMax) throw new Error(`still under way after ${quietMsMax} ms: ${left.join(" ")}`);
      await sleep(lookEveryMs);
    }
  }

  /** Waits until every host reports again; until then what is asked of it is refused, as it should be. */
  async hostsUp(): Promise<void> {
    const begun = performance.now();
    for (;;) {
      const { services } = await this.read("/compute/v2.1/os-services", "admin");
      const down = services.filter(({ state }: Json) => state !== "up");
      if (down.length === 0) return;
      if (performance.now() - begun > quietMsMax) throw new Error(`still down: ${JSON.stringify(down)}`);
      await sleep(lookEveryMs);
    }
  }

  /** Deletes all that the user has but the image of the beginning. */
  async clear(): Promise<void> {
    const { servers } = await this.read("/compute/v2.1/servers");
    for (const { id } of servers) await this.ask("DELETE", `/compute/v2.1/servers/${id}`);
    await this.quiet();
    const { volumes } = await this.read("/volume/v3/volumes");
    for (const { id } of volumes) await this.ask("DELETE", `/volume/v3/volumes/${id}`);
    const { images } = await this.read("/image/v2/images");
    for (const { id } of images) if (id !== this.#imageId) await this.ask("DELETE", `/image/v2/images/${id}`);
    const { ports } = await this.read("/network/v2.0/ports");
    for (const { id } of ports) await this.ask("DELETE", `/network/v2.0/ports/${id}`);
    await this.quiet();
  }

  #sqlite(): SharedStore {
    const path = join(this.#where.dataDir, "cloud.db");
    return sqliteStore(outside, { path, durability: "process", migrations: [] });
  }

  async #login(who: "user" | "admin"): Promise<string> {
    const secrets = JSON.parse(readFileSync(join(this.#where.dataDir, "secrets.json"), "utf8"));
    const name = who === "user" ? "demo" : "admin";
    const domain = { name: "Default" };
    const user = { name, domain, password: secrets[`${name}Password`] };
    const identity = { methods: ["password"], password: { user } };
    const auth = { identity, scope: { project: { name, domain } } };
    const response = await fetch(`${this.#where.origin()}/identity/v3/auth/tokens`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ auth }),
    });
    if (response.status !== 201) throw new Error(`${name} cannot log in: ${await response.text()}`);
    return response.headers.get("x-subject-token") ?? "";
  }

  #hosts(): Backstage["hosts"] {
    const dir = this.#where.hostsDir;
    return readdirSync(dir)
      .toSorted()
      .map((name) => {
        // What is kept in the file is what the host has.
        const opened = async () => {
          const driver = fakeDriver({ platform: outside, path: join(dir, name, "guests.json") });
          await driver.start();
          return driver;
        };
        const virt: Backstage["hosts"][number]["virt"] = {
          list: async () => (await opened()).list(),
          info: async (serverId) => (await opened()).info(serverId),
          spawn: async (spec) => {
            const driver = await opened();
            await this.#where.whileDown(async () => void (await driver.spawn(spec)));
            return (await driver.info(spec.serverId))!;
          },
        };
        return { name, virt };
      });
  }
}

/** The connection broke: the process was killed under it, or is not there. */
function asBroken(error: unknown): null {
  if (error instanceof TypeError) return null;
  throw error;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
