// One network host: answers the contract through its driver, reports itself, and passes guests' requests for
// metadata on.
import { isFault, type Millis, type Platform, type Service, systemContext } from "@micronova/kit";
import type { Handlers, Rpc } from "@micronova/rpc";
import type { NetworkDriver } from "../drivers/driver.ts";
import { networkReportsContract, networkWorkerContract } from "./contract.ts";
import { metadataListeners } from "./metadata-listeners.ts";

export interface NetworkWorkerDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly host: string;
  readonly driver: NetworkDriver;
}

// Two beats fit into the 75 s after which an agent counts as down.
const reportEveryMs: Millis = 30_000;
// A conductor that starts at the same time is there a moment later.
const firstReportEveryMs: Millis = 500;

export function networkWorker(deps: NetworkWorkerDeps): Service {
  const { rpc, host, driver } = deps;
  const ended = new AbortController();
  const server = rpc.serve(networkWorkerContract, host, handlersOf(driver));
  const listeners = metadataListeners(deps);
  let reporting: Promise<void> = Promise.resolve();
  return {
    name: `network.${host}`,
    async start() {
      await driver.start();
      listeners.start();
      await server.start();
      reporting = keepReporting(deps, ended.signal);
    },
    async stop() {
      ended.abort();
      await reporting;
      await server.stop();
      await listeners.stop();
      await driver.stop();
    },
  };
}

function handlersOf(driver: NetworkDriver): Handlers<typeof networkWorkerContract> {
  return {
    apply: (wanted) => driver.apply(wanted),
    plug: ({ port }) => driver.plug(port),
    unplug: ({ portId }) => driver.unplug(portId),
    async refresh({ ports }) {
      const plugged = new Set(await driver.list());
      await Promise.all(ports.filter(({ id }) => plugged.has(id)).map((port) => driver.plug(port)));
    },
  };
}

async function keepReporting(deps: NetworkWorkerDeps, signal: AbortSignal): Promise<void> {
  let isKnown = false;
  while (!signal.aborted) {
    isKnown = (await reportUnlessAway(deps, !isKnown)) || isKnown;
    try {
      await deps.platform.clock.sleep(isKnown ? reportEveryMs : firstReportEveryMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** Whether the report arrived. Workers live on without a control plane; the next report is the retry. */
async function reportUnlessAway(deps: NetworkWorkerDeps, isStart: boolean): Promise<boolean> {
  const { platform, rpc, host, driver } = deps;
  const context = systemContext(platform.random.uuid());
  // Asked before the rows are read: a port plugged later is in neither answer.
  const portIds = driver.name === "fake" ? [] : await driver.list();
  try {
    const { orphans } = await rpc.any(networkReportsContract, { context }).report_host({
      host,
      driver: driver.name,
      filtering: driver.name === "linux",
      isStart,
      portIds,
    });
    for (const portId of orphans) {
      platform.log.warn({ host, portId }, "port without an owner removed from the host");
      await driver.unplug(portId);
    }
    return true;
  } catch (error) {
    if (!isFault(error)) throw error;
    platform.log.debug({ host, error: error.message }, "network host could not be reported");
    return false;
  }
}
