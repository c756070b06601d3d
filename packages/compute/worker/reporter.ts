// Tells the conductor that hosts live, what they have and how their guests are. All hosts of a process share one reporter:
// a beat is one message however many they are.
import type { Millis, Platform, RequestContext, Service, Uuid } from "@micronova/kit";
import { isFault, systemContext } from "@micronova/kit";
import type { NetworkDriver } from "@micronova/network";
import type { Rpc } from "@micronova/rpc";
import { conductorContract, type HostReport } from "../conductor-contract.ts";
import type { VirtDriver } from "../drivers/driver.ts";
import { powerNumber } from "../power.ts";
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
}

/** Before the conductor is heard for the first time, so that a cloud that starts is ready at once. */
const firstRetryMs: Millis = 100;
const defaultIntervalMs: Millis = 10_000;

export function hostReporter(deps: {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly reportIntervalMs?: Millis;
}): HostReporter {
  const { platform, rpc } = deps;
  const hosts = new Map<string, Known>();
  const ending = new AbortController();
  const context: RequestContext = systemContext(platform.random.uuid());
  const conductor = rpc.any(conductorContract, { context });
  let running: Promise<void> = Promise.resolve();

  async function beat(): Promise<void> {
    const all = [...hosts.values()];
    if (all.length === 0) return;
    await reportInventories(all);
    const loads = await Promise.all(all.map(async ({ host, virt }) => ({ host, load: await virt.load() })));
    const { unknown } = await conductor.heartbeat({ hosts: loads });
    for (const host of unknown) forget(host);
    for (const host of all) await reportGuests(host);
  }

  /** Sends the inventories that changed since they were last sent; usually none. */
  async function reportInventories(all: readonly Known[]): Promise<void> {
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
    await conductor.report_host({ hosts: changed });
    for (const [known, text] of texts) known.reported = text;
  }

  function forget(host: string): void {
    const known = hosts.get(host);
    if (known !== undefined) known.reported = null;
  }

  async function reportGuests(known: Known): Promise<void> {
    const domains = await known.virt.list();
    const now = new Map(domains.map(({ serverId, power }) => [serverId, powerNumber[power]]));
    const changed = [...now].filter(([serverId, power]) => known.powers.get(serverId) !== power);
    await plugAgain(known, [...now.keys()]);
    if (changed.length > 0) {
      const guests = changed.map(([serverId, powerState]) => ({ serverId, powerState }));
      const { orphans } = await conductor.report_power({ host: known.host, guests });
      for (const serverId of orphans) await known.virt.destroy(serverId);
    }
    known.powers = now;
  }

  /** After a start: guests outlived the worker, their taps and rules may not have. */
  async function plugAgain(known: Known, serverIds: readonly Uuid[]): Promise<void> {
    if (known.isPlugged) return;
    if (serverIds.length > 0) {
      const { ports } = await conductor.guest_ports({ host: known.host, serverIds });
      await plugPorts(known.network, ports);
    }
    known.isPlugged = true;
  }

  async function loop(): Promise<void> {
    let pauseMs = firstRetryMs;
    while (!ending.signal.aborted) {
      try {
        await beat();
        pauseMs = deps.reportIntervalMs ?? defaultIntervalMs;
      } catch (error) {
        // The conductor may be away for a while; its next beat is the retry.
        if (!isFault(error)) throw error;
        platform.log.warn({ error: error.message }, "hosts could not report");
      }
      await pause(pauseMs);
    }
  }

  async function pause(ms: Millis): Promise<void> {
    try {
      await platform.clock.sleep(ms, ending.signal);
    } catch (error) {
      if (!ending.signal.aborted) throw error;
    }
  }

  return {
    name: "compute-reporter",
    add: (host) => {
      hosts.set(host.host, { ...host, reported: null, powers: new Map(), isPlugged: false });
    },
    remove: (host) => {
      hosts.delete(host);
    },
    beat,
    async start() {
      running = loop();
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}
