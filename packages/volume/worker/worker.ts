// One volume host: answers the contract through its driver and reports its pool. It has no database.
import type { ImageCache } from "@micronova/image/host";
import {
  type Millis,
  type Platform,
  type Service,
  sleepUnlessAborted,
  spanned,
  systemContext,
} from "@micronova/kit";
import type { FenceStore, Handlers, Rpc } from "@micronova/rpc";
import type { VolumeDriver } from "../drivers/driver.ts";
import { errors } from "../errors.ts";
import { type PoolReport, volumeReportsContract, volumeWorkerContract } from "./contract.ts";

export interface VolumeWorkerDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly host: string;
  readonly driver: VolumeDriver;
  /** Remembers across restarts which calls come too late. */
  readonly fences?: FenceStore;
  /** Fetches the images volumes are made of; without it they lie where the calls say. */
  readonly images?: ImageCache;
}

export interface VolumeWorker extends Service {
  /** Tells the control plane of the pool now, and resolves when it knows. */
  report(): Promise<void>;
}

// How many volumes are worked on at once; calls for one volume never overlap in any case.
const atOnce = 8;
// How many calls are taken: those that wait are said to.
const prefetch = 1_000;
const reportEveryMs: Millis = 10_000;
// A conductor that starts at the same time is there a moment later.
const firstReportEveryMs: Millis = 200;

export function volumeWorker(deps: VolumeWorkerDeps): VolumeWorker {
  const { platform, rpc, host, driver } = deps;
  const ended = new AbortController();
  const context = systemContext(platform.random.uuid());
  const report = async () => {
    await rpc.any(volumeReportsContract, { context }).report_pool(await poolOf(host, driver));
  };
  const changed = () => reportUnlessAway(deps, report);
  const options = { prefetch, atOnce, ...(deps.fences === undefined ? {} : { fences: deps.fences }) };
  const server = rpc.serve(volumeWorkerContract, host, handlersOf(deps, changed), options);
  let reporting: Promise<void> = Promise.resolve();
  return {
    name: `volume.${host}`,
    async start() {
      await driver.start();
      await server.start();
      reporting = keepReporting(deps, changed, ended.signal);
    },
    async stop() {
      ended.abort();
      await reporting;
      await server.stop();
      await driver.stop();
    },
    report,
  };
}

function handlersOf(
  { host, driver: given, images }: VolumeWorkerDeps,
  changed: () => Promise<boolean>,
): Handlers<typeof volumeWorkerContract> {
  const driver = spanned(`${given.name} volume`, given);
  return {
    list: async () => ({ volumes: await driver.list() }),
    async create({ volumeId, sizeGb, source, bytes }) {
      const isElsewhere = source.kind === "image" && bytes !== undefined && images !== undefined;
      const here = isElsewhere ? { ...source, path: await images.file(bytes) } : source;
      await driver.create({ volumeId, sizeGb }, here);
      void changed();
    },
    async delete({ volumeId }) {
      await driver.delete(volumeId);
      void changed();
    },
    async extend({ volumeId, sizeGb }) {
      await driver.extend(volumeId, sizeGb);
      void changed();
    },
    async export({ volumeId, initiator }) {
      const isReached = driver.isShared === true || initiator.host === host;
      if (!isReached) throw errors.otherHost(volumeId, host, initiator.host);
      return driver.export(volumeId, initiator);
    },
    unexport: ({ volumeId, initiator }) => driver.unexport(volumeId, initiator),
    capacity: () => driver.capacity(),
  };
}

async function poolOf(host: string, driver: VolumeDriver): Promise<PoolReport> {
  return { host, backend: driver.name, pool: driver.name, capacity: await driver.capacity() };
}

async function keepReporting(
  { platform }: VolumeWorkerDeps,
  report: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  let isKnown = false;
  while (!signal.aborted) {
    isKnown = (await report()) || isKnown;
    await sleepUnlessAborted(platform.clock, isKnown ? reportEveryMs : firstReportEveryMs, signal);
  }
}

/** Whether the report arrived. Workers live on without a control plane; the next report is the retry. */
async function reportUnlessAway(
  { platform, host }: VolumeWorkerDeps,
  report: () => Promise<void>,
): Promise<boolean> {
  try {
    await report();
    return true;
  } catch (error) {
    platform.log.warn({ host, error }, "volume pool could not be reported");
    return false;
  }
}
