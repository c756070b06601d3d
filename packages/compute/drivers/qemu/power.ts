// On, off, reboot, pause, suspend: what changes whether a guest runs.
import type { Uuid } from "@micronova/kit";
import { driverErrors } from "../errors.ts";
import { stateNode } from "./arguments.ts";
import type { Domain } from "./domain.ts";
import { type Host, isRunning, launch, powerState, talk } from "./host.ts";
import { findQemu, isGone, stopQemu } from "./process.ts";
import { loadMemory, saveMemory } from "./suspend.ts";

// Nova's `wait_soft_reboot_seconds` is 120; a guest that has not heard by now will not.
export const softRebootMs = 60_000;

export async function powerOn(host: Host, serverId: Uuid): Promise<void> {
  const domain = await host.store.get(serverId);
  if (domain.suspended) return resume(host, domain);
  if (!(await isRunning(host, serverId))) await launch(host, domain);
}

/** Asks the guest by ACPI when there is grace, then ends it. */
export async function powerOff(host: Host, serverId: Uuid, graceMs: number): Promise<void> {
  const { clock } = host.platform;
  const files = host.store.files(serverId);
  const pid = await findQemu(serverId, files);
  if (pid !== null && graceMs > 0) {
    await talk(host, serverId, (qmp) => qmp.execute("system_powerdown"));
    if (await isGone(clock, serverId, pid, graceMs)) return;
  }
  await stopQemu(clock, serverId, files);
}

/**
 * Off and on again: the guest gets its devices as they are now. What was done for this operation is not done
 * twice.
 */
export async function reboot(
  host: Host,
  serverId: Uuid,
  options: { readonly graceMs: number; readonly operation: string },
): Promise<void> {
  const { graceMs, operation } = options;
  const domain = { ...(await host.store.get(serverId)), suspended: false };
  const last = domain.reboot;
  // An empty operation names none: it is always a new one.
  if (last !== null && operation !== "" && last.operation === operation && last.done) return;
  const isBegun = last !== null && last.operation === operation && operation !== "";
  await host.store.save({ ...domain, reboot: { operation, done: false } });
  await powerOff(host, serverId, isBegun ? 0 : graceMs);
  await launch(host, domain);
  await host.store.save({ ...domain, reboot: { operation, done: true } });
}

export async function pause(host: Host, serverId: Uuid, paused: boolean): Promise<void> {
  const domain = await host.store.get(serverId);
  if (domain.suspended) throw driverErrors.suspended(serverId);
  await talk(host, serverId, (qmp) => qmp.execute(paused ? "stop" : "cont"));
}

export async function suspend(host: Host, serverId: Uuid, suspended: boolean): Promise<void> {
  const domain = await host.store.get(serverId);
  if (!suspended) return resume(host, domain);
  const { clock, random } = host.platform;
  if (!domain.suspended) {
    await talk(host, serverId, (qmp) => saveMemory(clock, qmp, stateNode(domain), random.uuid()));
    await host.store.save({ ...domain, suspended: true });
  }
  await stopQemu(clock, serverId, host.store.files(serverId));
}

async function resume(host: Host, domain: Domain): Promise<void> {
  const { serverId } = domain.spec;
  const { clock, random } = host.platform;
  if (!domain.suspended) return;
  if ((await powerState(host, serverId)) !== "running") {
    // A process that does not run is the rest of an attempt that was cut short; the memory is still in its
    // file.
    await stopQemu(clock, serverId, host.store.files(serverId));
    await launch(host, domain, { stopped: true });
    await talk(host, serverId, (qmp) => loadMemory(clock, qmp, stateNode(domain), random.uuid()));
  }
  await host.store.save({ ...domain, suspended: false });
}
