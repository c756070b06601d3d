// Holds publishers before memory or disk run out: looks at both and raises the broker's alarms, in RabbitMQ's
// words. Consumers go on, so that what fills them can go.
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Service, sleepUnlessAborted } from "@micronova/kit";
import type { Broker } from "./broker.ts";

export interface ResourceLimits {
  /** Of the process; a share of the machine's memory when not said. */
  readonly memoryBytesMax?: number;
  /** What must be free on the disk of the data; RabbitMQ's 50 MB when not said. */
  readonly diskFreeBytesMin?: number;
}

export interface ResourceStatus {
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly diskFreeBytes: number;
  readonly diskFreeBytesMin: number;
}

/** What the machine says; tests say something else. */
export interface Readings {
  memoryBytes(): number;
  diskFreeBytes(): Promise<number>;
  /** Gives back what nobody uses any more. */
  collect(): void;
}

// Often enough that a fast publisher takes no great part of the memory between two looks.
const lookMs = 100;
// A broker whose publishers are held makes no garbage, so nothing would ever look for the garbage it has.
const looksACollection = 20;
const memoryShare = 0.4;
const diskFreeBytesDefault = 50 * 1000 * 1000;

export function resourceAlarms(broker: Broker, limits: ResourceLimits, readings: Readings): Service {
  const { clock, log } = broker.platform;
  const memoryBytesMax = limits.memoryBytesMax ?? Math.floor(memoryOfMachine() * memoryShare);
  const diskFreeBytesMin = limits.diskFreeBytesMin ?? diskFreeBytesDefault;
  const stopping = new AbortController();
  let looks = 0;
  let looking = Promise.resolve();

  async function look(): Promise<void> {
    const diskFreeBytes = await readings.diskFreeBytes().catch(noRoom);
    let memoryBytes = readings.memoryBytes();
    if (memoryBytes > memoryBytesMax && looks++ % looksACollection === 0) {
      readings.collect();
      memoryBytes = readings.memoryBytes();
    }
    broker.resources = { memoryBytes, memoryBytesMax, diskFreeBytes, diskFreeBytesMin };
    set("memory", memoryBytes > memoryBytesMax);
    set("disk", diskFreeBytes < diskFreeBytesMin);
  }

  /** A disk that cannot be asked is no place for messages. */
  function noRoom(error: unknown): number {
    if (!broker.alarms.has("disk")) log.error({ error }, "room on the disk is not known");
    return 0;
  }

  function set(name: "memory" | "disk", isLow: boolean): void {
    if (isLow === broker.alarms.has(name)) return;
    log.warn({ lack: name, ...broker.resources }, isLow ? "publishers are held" : "publishers may go on");
    broker.alarm(name, isLow ? name : null);
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleepUnlessAborted(clock, lookMs, stopping.signal);
      await look();
    }
  }

  return {
    name: "bus alarms",
    async start() {
      await look();
      looking = watch();
    },
    async stop() {
      stopping.abort();
      await looking;
    },
  };
}

/** The real ones, for data in that directory. */
export function machineReadings(dir: string): Readings {
  setFlagsFromString("--expose-gc");
  // The flag gives it to contexts that are made from now on.
  const collect: () => void = runInNewContext("gc");
  const used = () => {
    const { heapTotal, external } = process.memoryUsage();
    return heapTotal + external;
  };
  // Resident memory alone says too much: what was given back stays with the process, for whoever needs memory
  // next. Measured by it, a full broker would stay full when it is empty. So what it took to begin with is
  // taken once, and what is in use is added.
  const program = process.memoryUsage.rss() - used();
  return {
    memoryBytes: () => program + used(),
    async diskFreeBytes() {
      const { bavail, bsize } = await statfs(dir);
      return bavail * bsize;
    },
    collect,
  };
}

/** A container may have less than its machine. */
function memoryOfMachine(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}
