// Faults on purpose, by rules and from a seed: decorators over the interfaces through which the parts of a
// cloud reach the world. Nothing of it is in the way of a cloud that was not asked for it.
import type { Bus } from "@micronova/amqp";
import type { Authenticator } from "@micronova/http";
import type { Platform } from "@micronova/kit";
import type { SagaBoundary } from "@micronova/saga";
import type { Store } from "@micronova/store";
import { BusDoor, type FaultyProcess } from "./bus-door.ts";
import { clockDoor } from "./clock-door.ts";
import { driverDoor } from "./driver-door.ts";
import { EventLog, type FaultEvent } from "./event-log.ts";
import { httpDoor, type ServedByPath } from "./http-door.ts";
import { RuleTable } from "./rule-table.ts";
import { sagaDoor } from "./saga-door.ts";
import { SeededIds, seededIds } from "./seeded-ids.ts";
import { storeDoor } from "./store-door.ts";

export interface Faults {
  readonly seed: string;
  readonly rules: RuleTable;
  /** The latest events, oldest first. */
  log(limit: number): readonly FaultEvent[];
  http(services: ServedByPath, authenticator: Authenticator): ServedByPath;
  bus(process: FaultyProcess, bus: Bus): Bus;
  store(process: FaultyProcess, store: Store): Store;
  /** The time and the chance of a process. */
  platform(process: FaultyProcess): Platform;
  driver<D extends object>(where: { readonly host: string; readonly kind: string }, driver: D): D;
  readonly sagaBoundary: SagaBoundary;
}

export interface FaultsOptions {
  readonly seed: string;
  /** Where events are written besides; null for nowhere. */
  readonly logPath: string | null;
  /** Whether the cloud begins now. One that has tables already never gets ids that it may have had. */
  readonly isNew: boolean;
  /** Ends the process at once. */
  readonly die: () => void;
}

export function openFaults(platform: Platform, { seed, logPath, isNew, die }: FaultsOptions): Faults {
  const log = new EventLog(logPath, seed);
  const record = (event: Omit<FaultEvent, "n">) => {
    const { place, action } = event;
    log.add(event);
    platform.metrics.count("micronova_fault_hits_total", { place, action });
    platform.log.info(event, "a fault was injected");
  };
  const rules = new RuleTable({ clock: platform.clock, seed, record });
  const isKnown = isNew || log.start > 1;
  const ids = new SeededIds(seed, isKnown ? String(log.start) : platform.random.uuid());
  return {
    seed,
    rules,
    log: (limit) => log.latest(limit),
    http: (services, authenticator) => httpDoor({ rules, ids, authenticator, die }, services),
    bus: (process, bus) => new BusDoor({ platform, rules, process }, bus),
    store: (process, store) => storeDoor({ platform, rules, process }, store),
    platform: (process) => ({
      ...platform,
      clock: clockDoor(rules, process, platform.clock),
      random: seededIds(platform.random),
    }),
    driver: (where, driver) => driverDoor({ platform, rules, die, ...where }, driver),
    sagaBoundary: sagaDoor(rules, die),
  };
}

export type { FaultyProcess } from "./bus-door.ts";
export { faultErrors } from "./errors.ts";
export type { FaultEvent } from "./event-log.ts";
export { readRules, rulesBody } from "./read-rules.ts";
export type { RuleState } from "./rule-table.ts";
