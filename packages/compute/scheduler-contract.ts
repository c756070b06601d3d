// What any scheduler answers to (queue `scheduler`). Asking changes nothing; the claim that follows is what
// is safe.
import type { Uuid } from "@micronova/kit";
import { contract, method } from "@micronova/rpc";
import type { RequestSpec } from "./scheduler/index.ts";

export type { RequestSpec };

export interface Candidate {
  readonly host: string;
  readonly nodeId: Uuid;
  readonly node: string;
  readonly availabilityZone: string;
}

export interface Destinations {
  /** The best first, then the alternates. Never empty: an empty choice is the fault `noValidHost`. */
  readonly candidates: readonly Candidate[];
}

export const schedulerContract = contract("scheduler", {
  select_destinations: method<RequestSpec, Destinations>({ timeoutMs: 15_000 }),
});
