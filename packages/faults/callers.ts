// On whose behalf something happens: known at the edge and where a message arrives, and remembered for the
// transactions and the drivers' calls that follow from it.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Json, Message } from "@micronova/amqp";
import type { Uuid } from "@micronova/kit";

export interface Caller {
  readonly requestId: string | null;
  readonly projectId: string | null;
  /** Draws ids for what the request makes; only at the edge, where each request comes once. */
  readonly draw?: () => Uuid;
}

export const nobody: Caller = { requestId: null, projectId: null };
const callers = new AsyncLocalStorage<Caller>();

export function onBehalfOf<T>(caller: Caller, work: () => T): T {
  return callers.run(caller, work);
}

export function caller(): Caller {
  return callers.getStore() ?? nobody;
}

/** Who asks, by what a call's message carries. */
export function callerOf({ body }: Message): Caller {
  return { requestId: textOf(body, "_context_request_id"), projectId: textOf(body, "_context_project_id") };
}

export function textOf(body: unknown, key: string): string | null {
  const value: Json | undefined =
    typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined;
  return typeof value === "string" ? value : null;
}

/** The ids and names of what a call is about, by its arguments. */
export function resourcesIn(argument: unknown): readonly string[] {
  if (typeof argument === "string") return [argument];
  return ["serverId", "volumeId", "portId", "id", "name"].flatMap((key) => textOf(argument, key) ?? []);
}
