// The copies of a server's guest that hosts put aside: one comes back with the cards and volumes the server
// has now, or is forgotten.
import type { Uuid } from "@micronova/kit";
import { wasUnanswered } from "@micronova/rpc";
import type { StepEnv, StepError } from "@micronova/saga";
import { errors } from "../errors.ts";
import { portSpecsOf } from "../interfaces.ts";
import { exportVolumes } from "../server-volumes.ts";
import { computeWorkerContract, type SpawnResult } from "../worker/contract.ts";

export async function comeBack(
  env: StepEnv,
  back: { readonly serverId: Uuid; readonly host: string; readonly copy: Uuid; readonly on: boolean },
): Promise<SpawnResult> {
  const { serverId, host, copy, on } = back;
  const volumes = await exportVolumes(env, serverId, host);
  const ports = await portSpecsOf(env.store.read, serverId);
  return env.rpc.on(computeWorkerContract, host).comeBack({ serverId, copy, on, ports, volumes });
}

/** Whether the saga is unwound for the server's deletion, which removes the copies wherever they are. */
export function isForDeletion(cause: StepError | null): boolean {
  return cause?.kind === "cancelled" || cause?.kind === errors.serverGoing.kind;
}

/** There is no way back from forgetting: what is half forgotten can only be forgotten. */
export const forgetAttempts = 10;

export async function forgetCopy(
  { rpc }: StepEnv,
  { serverId, host, copy }: { readonly serverId: Uuid; readonly host: string; readonly copy: Uuid },
): Promise<void> {
  try {
    await rpc.on(computeWorkerContract, host).forget({ serverId, copy });
  } catch (error) {
    // A host that is silent is waited for; whatever else it says is worth another try.
    if (wasUnanswered(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw Object.assign(errors.copyStays(serverId, host, why), { cause: error });
  }
}
