// Kills of single roles, each in a process of its own: when the log of a saga says that a step has begun or
// ended, the role is killed with SIGKILL and started again, and then everything is looked at.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { postgresStore } from "@micronova/store";
import { endingOf, factsOf, type Point } from "../simulation/moments.ts";
import { type Story, stories } from "../simulation/stories.ts";
import { freePort } from "./free-port.ts";
import { type KillPoint, outcomeOf, type Plot, plotOf, type RealCell, recovered } from "./real-kills.ts";
import { outside, quietMsMax, RealStage } from "./real-stage.ts";
import { postgresMissing, startPostgres } from "./running-postgres.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "./running-rabbit.ts";
import { type RoleCloud, type RoleProcess, roleCloud } from "./running-roles.ts";

export interface RoleVictimOptions {
  /** In the place of our own broker. */
  readonly rabbit?: RunningRabbit;
  /** A database of PostgreSQL, so that the roles of the control plane are processes of their own. */
  readonly storeUrl?: string;
}

// Long enough for a kill to come while a host works, which it does about as long as a real one.
const hostDelayMs = 200;
const lookEveryMs = 3;

export class RoleVictim {
  readonly stage: RealStage;
  readonly #cloud: RoleCloud;
  readonly #byRole: ReadonlyMap<string, RoleProcess>;
  readonly #rabbit: RunningRabbit | null;

  private constructor(
    cloud: RoleCloud,
    byRole: ReadonlyMap<string, RoleProcess>,
    { options, port }: { readonly options: RoleVictimOptions; readonly port: number },
  ) {
    this.#cloud = cloud;
    this.#byRole = byRole;
    this.#rabbit = options.rabbit ?? null;
    const { storeUrl: url } = options;
    const open = (address: string) =>
      postgresStore(outside, { url: address, connections: 2, migrations: [] });
    this.stage = new RealStage({
      dataDir: join(cloud.dir, "c1"),
      hostsDir: join(cloud.dir, "h1", "hosts"),
      ...(url === undefined ? {} : { openStore: () => open(url) }),
      origin: () => `http://127.0.0.1:${port}`,
      whileDown: () => Promise.reject(new Error("the hosts of roles are not written to from outside")),
    });
  }

  static async start(options: RoleVictimOptions): Promise<RoleVictim> {
    const port = await freePort();
    const cloud = roleCloud(await configOf(options, port));
    const control =
      options.storeUrl === undefined ? ["api,conductor,scheduler"] : ["api", "conductor", "scheduler"];
    const own = options.rabbit === undefined ? [["broker", "b1"] as const] : [];
    const wanted = [
      ...own,
      ...control.map((role) => [role, "c1"] as const),
      ...["compute", "network"].map((role) => [role, "h1"] as const),
      ["volume", "v1"] as const,
    ];
    const byRole = new Map<string, RoleProcess>();
    for (const [role, host] of wanted) byRole.set(role, await cloud.start({ role, host }));
    for (const one of byRole.values()) await one.ready();
    const victim = new RoleVictim(cloud, byRole, { options, port });
    await victim.stage.begin();
    return victim;
  }

  /** What can be killed. */
  get roles(): readonly string[] {
    return [...this.#byRole.keys(), ...(this.#rabbit === null ? [] : ["broker"]), "all"];
  }

  async end(): Promise<void> {
    await this.stage.closeStore();
    await this.#cloud.stop();
  }

  /** Kills the role when the story is at the point. Whatever the story made is gone afterwards. */
  async killed(
    { story, ending }: Plot,
    { match }: KillPoint,
    role: string,
  ): Promise<Omit<RealCell, "point" | "when">> {
    const { stage } = this;
    await stage.hostsUp();
    const request = await story.begin(stage);
    const before = await endingOf(stage.cloud);
    const known = new Set((await factsOf(stage.store)).keys());
    const answered = request();
    await this.#reached(match, known);
    await this.#kill(role);
    await this.#restart(role);
    const begun = performance.now();
    await answered;
    const { findings, recoveryMs } = await recovered(stage, begun);
    const { outcome, findings: odd } = await outcomeOf(stage, { ending, before });
    await stage.clear();
    return { outcome, recoveryMs, findings: [...findings, ...odd] };
  }

  /** Waits until the log of the story's saga has the event. */
  async #reached(match: KillPoint["match"], known: ReadonlySet<string>): Promise<void> {
    const isIt = (point: Point | null) =>
      point?.place === "saga" &&
      Object.entries(match).every(([key, value]) => Reflect.get(point, key) === value);
    const until = performance.now() + quietMsMax;
    while (performance.now() < until) {
      const facts = await factsOf(this.stage.store);
      if ([...facts].some(([id, { point }]) => !known.has(id) && isIt(point))) return;
      await sleep(lookEveryMs);
    }
    throw new Error(`the story never came to ${JSON.stringify(match)}`);
  }

  async #kill(role: string): Promise<void> {
    // A database that is only looked at is not in the way of a kill; this one is the controller's file.
    await this.stage.closeStore();
    const isBroker = role === "broker" || role === "all";
    await Promise.all([
      ...this.#processes(role).map((one) => one.end("SIGKILL")),
      ...(isBroker && this.#rabbit !== null ? [this.#rabbit.kill()] : []),
    ]);
  }

  async #restart(role: string): Promise<void> {
    for (const one of this.#processes(role)) one.start();
    if (this.#rabbit?.pid() === null) await this.#rabbit.start();
    for (const one of this.#processes(role)) await one.ready();
  }

  #processes(role: string): readonly RoleProcess[] {
    return [...this.#byRole].filter(([name]) => role === "all" || name === role).map(([, one]) => one);
  }
}

async function configOf({ rabbit, storeUrl }: RoleVictimOptions, port: number): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const bus =
    rabbit === undefined
      ? [`urls = ["amqp://${address}"]`, `listen = "${address}"`]
      : [`urls = ["${rabbit.url}"]`];
  const store = storeUrl === undefined ? [] : ["[store]", `url = "${storeUrl}"`];
  const virt = ["[virt]", 'driver = "fake"', "fake_hosts = 2", `fake_delay_ms = ${hostDelayMs}`];
  return [`port = ${port}`, ...store, "[bus]", ...bus, ...virt, ""].join("\n");
}

/** How the roles of a cloud can be spread over processes. */
export interface Setup {
  readonly title: string;
  /** False, or why it cannot be. */
  readonly missing: string | false;
  /** Does the work with a fresh cloud of it, and ends that. */
  readonly during: (work: (victim: RoleVictim) => Promise<void>) => Promise<void>;
}

async function withVictim(
  options: RoleVictimOptions,
  work: (victim: RoleVictim) => Promise<void>,
): Promise<void> {
  const victim = await RoleVictim.start(options);
  try {
    await work(victim);
  } finally {
    await victim.end();
  }
}

async function withRabbit(work: (rabbit: RunningRabbit) => Promise<void>): Promise<void> {
  const rabbit = await startRabbit();
  try {
    await work(rabbit);
  } finally {
    await rabbit.stop();
  }
}

async function withPostgres(work: (url: string) => Promise<void>): Promise<void> {
  const postgres = await startPostgres();
  try {
    await work(await postgres.database("micronova"));
  } finally {
    await postgres.destroy();
  }
}

export const setups: readonly Setup[] = [
  { title: "SQLite, own broker", missing: false, during: (work) => withVictim({}, work) },
  {
    title: "SQLite, RabbitMQ",
    missing: rabbitMissing,
    during: (work) => withRabbit((rabbit) => withVictim({ rabbit }, work)),
  },
  {
    title: "PostgreSQL, own broker",
    missing: postgresMissing,
    during: (work) => withPostgres((storeUrl) => withVictim({ storeUrl }, work)),
  },
  {
    title: "PostgreSQL, RabbitMQ",
    missing: rabbitMissing || postgresMissing,
    during: (work) =>
      withPostgres((storeUrl) => withRabbit((rabbit) => withVictim({ storeUrl, rabbit }, work))),
  },
];

// What reaches a compute host, a volume's host, both, and two compute hosts.
const sampled = ["server-create", "server-delete", "server-migrate", "volume-attach", "volume-detach"];
const more = ["server-suspend", "interface-attach", "volume-create", "volume-delete", "volume-extend"];

export interface RoleJob {
  readonly plot: Plot;
  readonly point: KillPoint;
  readonly role: string;
}

/** Each role in each of these stories, at one of its points, which `turn` shifts. */
export async function roleJobs(
  roles: readonly string[],
  { isWhole, turn = 0 }: { readonly isWhole: boolean; readonly turn?: number },
): Promise<readonly RoleJob[]> {
  const names = isWhole ? [...sampled, ...more] : sampled;
  const jobs: RoleJob[] = [];
  for (const [n, name] of names.entries()) {
    // Of those with variants the one with a volume: it has the most steps.
    const plot = await plotOf(stories.findLast((story) => story.name === name && isLongest(story))!);
    const points = plot.points.filter(({ place }) => place === "saga");
    for (const [m, role] of roles.entries())
      if (isWhole || (n + m + turn) % names.length === 0)
        jobs.push({ plot, role, point: points[(n + m + turn) % points.length]! });
  }
  return jobs;
}

const isLongest = ({ variant }: Story) => variant === undefined || variant === "with a volume";
