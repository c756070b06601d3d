// A scenario is what a simulated cloud goes through; running one is hours of work and trouble, with a look at
// everything after each few minutes.
import { type Millis, type Random, seededRandom } from "@micronova/kit";
import { Client } from "./clients.ts";
import { type SimulatedCloud, simulateCloud } from "./cloud.ts";
import { lastingFindings, untilQuiet } from "./quiet.ts";
import type { Faults } from "./world.ts";

export interface Scenario {
  readonly name: string;
  /** A sentence. */
  readonly what: string;
  readonly hosts?: number;
  /** How many users there are; each does something every few seconds. */
  readonly clients?: number;
  readonly faults?: Partial<Faults>;
  /** Statuses beyond the usual that this trouble excuses. */
  readonly excused?: readonly number[];
  /** Makes one piece of trouble, each time it is called; answers how long until the next. */
  readonly disturb?: (cloud: SimulatedCloud, random: Random) => Promise<Millis>;
}

export interface Report {
  readonly scenario: string;
  readonly seed: number;
  /** What was wrong; the first look that finds something is the last. */
  readonly findings: readonly string[];
  /** Of everything that happened. */
  readonly digest: string;
  readonly simulatedMs: Millis;
  readonly requests: number;
  readonly effects: number;
  /** The longest it took, once all was well, until nothing was under way. */
  readonly quietMs: Millis;
  /** The end of the log. */
  readonly lines: readonly string[];
}

export interface RunOptions {
  readonly seed: number;
  readonly simulatedMs: Millis;
  readonly isSaying?: boolean;
}

const clientsDefault = 3;
const hostsDefault = 3;
const thinkMsMax: Millis = 4_000;
/** How long a cloud is worked on and troubled between two looks. */
const busyMs: Millis = 180_000;
const stepMs: Millis = 1_000;

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Report> {
  const { seed, isSaying = false } = options;
  const cloud = await simulateCloud({ seed, hosts: scenario.hosts ?? hostsDefault, isSaying });
  const random = seededRandom(`users ${seed}`);
  const excused = new Set(scenario.excused ?? []);
  const clients = Array.from(
    { length: scenario.clients ?? clientsDefault },
    () => new Client(cloud, random, excused),
  );
  const begun = cloud.world.clock.now();
  let found: readonly string[] = [];
  let quietMs = 0;
  const look = async () => {
    const { ms, stuck } = await untilQuiet(cloud);
    quietMs = Math.max(quietMs, ms);
    found = [...cloud.world.complaints, ...stuck];
    if (found.length === 0) found = await lastingFindings(cloud);
  };
  // A real process would end of it.
  const unhandled = (error: unknown) =>
    cloud.world.complain(
      `A process would have died of: ${error instanceof Error ? error.stack : String(error)}`,
    );
  process.on("unhandledRejection", unhandled);
  try {
    while (found.length === 0 && cloud.world.clock.now() - begun < options.simulatedMs) {
      await busy(cloud, scenario, { clients, random });
      cloud.heal();
      await look();
      for (const client of clients) if (found.length === 0) found = await during(cloud, client.broken());
    }
    for (let round = 0; found.length === 0 && !(await emptied(cloud, clients)); round++) {
      await look();
      if (round === roundsMax) found = ["Not everything could be deleted."];
    }
    if (found.length === 0) found = await leftovers(cloud);
  } finally {
    process.off("unhandledRejection", unhandled);
    await cloud.end();
  }
  const { world } = cloud;
  return {
    scenario: scenario.name,
    seed,
    findings: found,
    digest: world.digest(),
    simulatedMs: world.clock.now() - begun,
    requests: clients.reduce((sum, { requests }) => sum + requests, 0),
    effects: world.effects,
    quietMs,
    lines: world.lines,
  };
}

// Servers go before the volumes they hold, and both before ports.
const roundsMax = 5;

/** Users at work, and trouble, for a few minutes. */
async function busy(
  cloud: SimulatedCloud,
  { faults, disturb }: Scenario,
  { clients, random }: { readonly clients: readonly Client[]; readonly random: Random },
): Promise<void> {
  const { world } = cloud;
  const until = world.clock.now() + busyMs;
  const isOver = () => world.clock.now() >= until;
  Object.assign(world.faults, faults);
  const working = clients.map(async (client) => {
    while (!isOver()) {
      await world.pause(random.int(thinkMsMax));
      await client.doSomething();
    }
  });
  const troubling = (async () => {
    while (disturb !== undefined && !isOver()) await world.pause(await disturb(cloud, random));
  })();
  await cloud.run(busyMs);
  cloud.heal();
  await during(cloud, Promise.all([...working, troubling]));
}

/** The promise's outcome, while time passes. */
export async function during<T>(cloud: SimulatedCloud, promise: Promise<T>): Promise<T> {
  let isDone = false;
  const done = promise.finally(() => {
    isDone = true;
  });
  done.catch(() => undefined);
  await cloud.run(0);
  while (!isDone) await cloud.run(stepMs);
  return done;
}

async function emptied(cloud: SimulatedCloud, clients: readonly Client[]): Promise<boolean> {
  const empty = await during(cloud, Promise.all(clients.map((client) => client.deleteAll())));
  return empty.every(Boolean);
}

/** What an empty cloud still has. */
async function leftovers(cloud: SimulatedCloud): Promise<readonly string[]> {
  const { read } = cloud.store;
  const rows = {
    allocations: await read.selectFrom("allocations").selectAll().execute(),
    attachments: await read.selectFrom("volume_attachments").selectAll().execute(),
    cards: await read.selectFrom("server_interfaces").selectAll().execute(),
  };
  const guests = await Promise.all(cloud.hosts.map(({ virt }) => virt.list()));
  const found = Object.entries({ ...rows, guests: guests.flat(), volumes: await cloud.volumes.list() });
  return found.flatMap(([what, left]) => (left.length === 0 ? [] : [`${left.length} ${what} are left.`]));
}
