// Brings a server's guest back from the copy that its host put aside: with the cards and volumes it has now,
// which are plugged and exported there again.
import type { Uuid } from "@micronova/kit";
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
