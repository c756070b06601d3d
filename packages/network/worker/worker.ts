// One network host: answers the contract through its driver, reports itself, and passes guests' requests for
// metadata on.
import { type Millis, type Platform, type Service, sleepUnlessAborted, systemContext } from "@micronova/kit";
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
// At the start, and then every five minutes, the host asks to be told all again, whatever went wrong before.
const asksEvery = 10;

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
    refresh: (wanted) => driver.refresh(wanted),
    list: async () => ({ portIds: await driver.list() }),
  };
}

async function keepReporting(deps: NetworkWorkerDeps, signal: AbortSignal): Promise<void> {
  let reports = 0;
  let suspects: readonly string[] = [];
  while (!signal.aborted) {
    const orphans = await reportUnlessAway(deps, reports);
    if (orphans !== null) {
      reports += 1;
      await removeOrphans(deps, new Set(suspects).intersection(new Set(orphans)));
      suspects = orphans;
    }
    await sleepUnlessAborted(deps.platform.clock, reports > 0 ? reportEveryMs : firstReportEveryMs, signal);
  }
}

/**
 * The ports that should not be here; null when the report did not arrive. Workers live on without a control
 * plane, and without their driver; the next report is the retry.
 */
async function reportUnlessAway(deps: NetworkWorkerDeps, earlier: number): Promise<readonly string[] | null> {
  const { platform, rpc, host, driver } = deps;
  const context = systemContext(platform.random.uuid());
  try {
    // Asked before the rows are read: a port plugged later is in neither answer.
    const portIds = driver.name === "fake" ? [] : await driver.list();
    const { orphans } = await rpc.any(networkReportsContract, { context }).report_host({
      host,
      driver: driver.name,
      filtering: driver.name === "linux",
      isStart: earlier === 0,
      portIds,
      tunnel: await driver.tunnel(),
      asks: earlier % asksEvery === 0,
    });
    return orphans;
  } catch (error) {
    platform.log.debug({ host, error }, "network host could not be reported");
    return null;
  }
}

/**
 * Removes what two reports in a row found without an owner: a port that changes hands is without one for a
 * moment, and an answer may be late.
 */
async function removeOrphans(
  { platform, host, driver }: NetworkWorkerDeps,
  orphans: ReadonlySet<string>,
): Promise<void> {
  for (const portId of orphans) {
    platform.log.warn({ host, portId }, "port without an owner removed from the host");
    try {
      await driver.unplug(portId);
    } catch (error) {
      platform.log.warn({ host, portId, error }, "port without an owner could not be removed yet");
    }
  }
}
