// Tells the conductor that hosts live, what they have and how their guests are. All hosts of a process share
// one reporter: a beat is one message however many they are.
import {
  isFault,
  type Millis,
  type Platform,
  type RequestContext,
  type Service,
  sleepUnlessAborted,
  systemContext,
  type Uuid,
} from "@micronova/kit";
import type { NetworkDriver } from "@micronova/network";
import type { Calls, Rpc } from "@micronova/rpc";
import { conductorContract, type HostReport } from "../conductor-contract.ts";
import type { DomainInfo, VirtDriver } from "../drivers/driver.ts";
import { powerNumber } from "../power.ts";
import { computeWorkerContract } from "./contract.ts";
import { plugPorts } from "./handlers.ts";

export interface ReportedHost {
  readonly host: string;
  readonly nodeId: Uuid;
  readonly virt: VirtDriver;
  readonly network: NetworkDriver;
}

export interface HostReporter extends Service {
  add(host: ReportedHost): void;
  remove(host: string): void;
  /** Beats now and resolves when the conductor knows; for starts and tests. */
  beat(): Promise<void>;
}

interface Known extends ReportedHost {
  /** The inventory as last reported, as text; null before the first report. */
  reported: string | null;
  /** Power as last reported, by server. */
  powers: Map<Uuid, number>;
  isPlugged: boolean;
  /** Whether its worker answered when last asked by way of the bus, and what the conductor was told. */
  isDeaf: boolean;
  saidDeaf: boolean;
}

/** Before the conductor is heard for the first time, so that a cloud that starts is ready at once. */
const firstRetryMs: Millis = 100;
const defaultIntervalMs: Millis = 5_000;
/** Hosts of one process that are asked at each beat whether they take work. */
const pingsAtOnce = 32;

/** Once a minute. */
const beatsPerWholeReport = 12;

interface ReporterDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly reportIntervalMs?: Millis;
}

export function hostReporter(deps: ReporterDeps): HostReporter {
  return new Reporter(deps);
}

class Reporter implements HostReporter {
  readonly name = "compute-reporter";
  readonly #deps: ReporterDeps;
  readonly #platform: Platform;
  readonly #intervalMs: Millis;
  readonly #context: RequestContext;
  readonly #conductor: Calls<typeof conductorContract>;
  readonly #hosts = new Map<string, Known>();
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #beats = 0;
  /** Where the next round of pings begins. */
  #pinged = 0;

  constructor(deps: ReporterDeps) {
    const { platform, rpc, reportIntervalMs } = deps;
    this.#deps = deps;
    this.#platform = platform;
    this.#intervalMs = reportIntervalMs ?? defaultIntervalMs;
    this.#context = systemContext(platform.random.uuid());
    this.#conductor = rpc.any(conductorContract, { context: this.#context });
  }

  add(host: ReportedHost): void {
    const hearing = { isDeaf: false, saidDeaf: false };
    this.#hosts.set(host.host, { ...host, reported: null, powers: new Map(), isPlugged: false, ...hearing });
  }

  remove(host: string): void {
    this.#hosts.delete(host);
  }

  async start(): Promise<void> {
    this.#running = this.#loop();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async beat(): Promise<void> {
    const all = [...this.#hosts.values()];
    if (all.length === 0) return;
    // A report may be heard so late that it undoes a newer one: from time to time all is said again.
    if (++this.#beats % beatsPerWholeReport === 0) for (const known of all) known.powers = new Map();
    await this.#reportInventories(all);
    const pinged = this.#ping(all);
    await this.#tell(all);
    await pinged;
    // A worker that just went deaf is said so at once, not with the next beat.
    const deaf = all.filter(({ isDeaf, saidDeaf }) => isDeaf !== saidDeaf);
    if (deaf.length > 0) await this.#tell(deaf);
    for (const host of all) await this.#reportGuests(host);
  }

  async #tell(some: readonly Known[]): Promise<void> {
    const hosts = await Promise.all(
      some.map(async ({ host, virt, isDeaf }) => ({ host, load: await virt.load(), isDeaf })),
    );
    for (const known of some) known.saidDeaf = known.isDeaf;
    const { unknown } = await this.#conductor.heartbeat({ hosts });
    for (const host of unknown) this.#forget(host);
  }

  /** Asks the hosts' own workers by way of the bus: some of very many, since they share what may be deaf. */
  async #ping(all: readonly Known[]): Promise<void> {
    const from = this.#pinged % all.length;
    const asked = [...all.slice(from), ...all.slice(0, from)].slice(0, pingsAtOnce);
    this.#pinged = from + asked.length;
    await Promise.all(
      asked.map(async (known) => {
        known.isDeaf = !(await this.#isHeard(known.host));
      }),
    );
  }

  async #isHeard(host: string): Promise<boolean> {
    const { rpc, platform } = this.#deps;
    try {
      await rpc.on(computeWorkerContract, host, { context: this.#context }).ping({});
      return true;
    } catch (error) {
      if (!isFault(error)) throw error;
      platform.log.warn({ host, error: error.message }, "this host's worker takes no work");
      return false;
    }
  }

  /** Sends the inventories that changed since they were last sent; usually none. */
  async #reportInventories(all: readonly Known[]): Promise<void> {
    const changed: HostReport[] = [];
    const texts = new Map<Known, string>();
    for (const known of all) {
      const inventory = await known.virt.inventory();
      const text = JSON.stringify(inventory);
      if (text === known.reported) continue;
      texts.set(known, text);
      changed.push({ nodeId: known.nodeId, host: known.host, inventory });
    }
    if (changed.length === 0) return;
    await this.#conductor.report_host({ hosts: changed });
    for (const [known, text] of texts) known.reported = text;
  }

  #forget(host: string): void {
    const known = this.#hosts.get(host);
    if (known !== undefined) known.reported = null;
  }

  async #reportGuests(known: Known): Promise<void> {
    const domains = await known.virt.list();
    const now = new Map(domains.map(({ serverId, power }) => [serverId, powerNumber[power]]));
    const changed = [...now].filter(([serverId, power]) => known.powers.get(serverId) !== power);
    await this.#plugAgain(known, domains);
    if (changed.length > 0) {
      const guests = changed.map(([serverId, powerState]) => ({ serverId, powerState }));
      const { later } = await this.#conductor.report_power({ host: known.host, guests });
      for (const serverId of later) now.delete(serverId);
    }
    known.powers = now;
  }

  /** After a start: guests outlived the worker, their taps and rules may not have. */
  async #plugAgain(known: Known, domains: readonly DomainInfo[]): Promise<void> {
    if (known.isPlugged) return;
    if (domains.length > 0) {
      const { host, network, virt } = known;
      const serverIds = domains.map(({ serverId }) => serverId);
      const { ports } = await this.#conductor.guest_ports({ host, serverIds });
      const before = portsOf(domains);
      const plugged = ports.filter(({ id }) => before.has(id));
      await plugPorts(network, plugged);
      // What a guest let go of meanwhile was unplugged, and must not be there again.
      const after = portsOf(await virt.list());
      for (const { id } of plugged) if (!after.has(id)) await network.unplug(id);
    }
    known.isPlugged = true;
  }

  async #loop(): Promise<void> {
    let pauseMs = firstRetryMs;
    while (!this.#ending.signal.aborted) {
      try {
        await this.beat();
        pauseMs = this.#intervalMs;
      } catch (error) {
        // The conductor or a driver may fail for a while; the next beat is the retry.
        const why = error instanceof Error ? error.message : String(error);
        this.#platform.log.warn({ error: why }, "hosts could not report");
      }
      await sleepUnlessAborted(this.#platform.clock, pauseMs, this.#ending.signal);
    }
  }
}

function portsOf(domains: readonly DomainInfo[]): ReadonlySet<Uuid> {
  return new Set(domains.flatMap(({ ports }) => ports));
}
